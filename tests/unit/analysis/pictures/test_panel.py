"""Matrices too long for one picture: cut into parts, or thinned, and never cropped."""

import warnings

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from fairseq_plugin.analysis.pictures import heatmap, picture
from fairseq_plugin.analysis.pictures.panel import MOST_CELLS, Panel, ThinnedWarning, parts, thinned


def panel(rows: int, columns: int) -> Panel:
    weights = np.random.default_rng(0).random((rows, columns), dtype=np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    return Panel(weights, [f"s{n}" for n in range(columns)], [f"t{n}" for n in range(rows)], "P")


@pytest.mark.parametrize(("rows", "columns", "count"), [(1, 1, 1), (100, 100, 1), (101, 7, 2), (250, 300, 9)])
def test_parts_put_together_are_the_whole(rows: int, columns: int, count: int) -> None:
    whole = panel(rows, columns)
    cut = parts(whole)
    assert len(cut) == count
    assert max(max(part.weights.shape) for part in cut) <= MOST_CELLS
    rebuilt = np.full_like(whole.weights, np.nan)
    for part in cut:
        assert part.weights.shape == (len(part.target), len(part.source))
        rows_of, columns_of = (np.array([int(token[1:]) for token in side]) for side in (part.target, part.source))
        rebuilt[np.ix_(rows_of, columns_of)] = part.weights
    np.testing.assert_array_equal(rebuilt, whole.weights)


def test_parts_name_their_tokens_on_each_side_that_was_cut() -> None:
    assert [part.title for part in parts(panel(9, 100))] == ["P"]
    assert [part.title for part in parts(panel(101, 7))] == ["P, target 1-50 of 101", "P, target 51-101 of 101"]
    assert [part.title for part in parts(panel(150, 120))] == [
        "P, target 1-75 of 150, source 1-60 of 120",
        "P, target 1-75 of 150, source 61-120 of 120",
        "P, target 76-150 of 150, source 1-60 of 120",
        "P, target 76-150 of 150, source 61-120 of 120",
    ]


def test_up_to_100_tokens_are_drawn_one_by_one() -> None:
    whole = panel(100, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert thinned(whole) is whole


def test_a_thinned_matrix_has_every_weight_and_says_so() -> None:
    whole = panel(201, 150)  # cells of 3 x 2 tokens
    with pytest.warns(ThinnedWarning) as caught:
        short = thinned(whole)
    assert [str(warning.message) for warning in caught] == [
        "201 target x 150 source tokens are more than the 100 x 100 cells of a picture: each cell is 3 x 2 tokens, "
        "weights averaged over target and summed over source (a .pdf of one sentence, or --all, has every token)"
    ]
    assert short.title == "P\none cell: 3 target x 2 source tokens"
    assert short.weights.shape == (67, 75)
    np.testing.assert_allclose(short.weights.sum(axis=1), 1, rtol=1e-6)
    expected = whole.weights.reshape(67, 3, 75, 2).sum(axis=3).mean(axis=1)
    np.testing.assert_allclose(short.weights, expected, rtol=1e-6)
    assert list(short.source[:2]) == ["s0…", "s2…"]
    assert list(short.target[-2:]) == ["t195…", "t198…"]


def test_a_last_cell_of_one_token_has_its_name_and_weights() -> None:
    whole = panel(101, 3)
    with pytest.warns(ThinnedWarning):
        short = thinned(whole)
    assert (short.target[-2:], list(short.source)) == (["t98…", "t100"], ["s0", "s1", "s2"])
    np.testing.assert_allclose(short.weights[-1], whole.weights[-1], rtol=1e-6)


@pytest.mark.parametrize(("rows", "columns", "cells"), [(100, 60, (100, 60)), (250, 101, (84, 51))])
def test_long_pictures_keep_the_size_of_cells(rows: int, columns: int, cells: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ThinnedWarning)
        axes = heatmap.draw(*panel(rows, columns)[:3]).axes[0]
    box = axes.get_window_extent()
    assert (box.height, box.width) == pytest.approx((50 * cells[0], 50 * cells[1]))
    assert axes.get_images()[0].get_size() == cells
    assert (len(axes.get_yticklabels()), len(axes.get_xticklabels())) == cells
    assert {text.get_size() for text in axes.findobj(Text) if text.get_text().startswith(("s", "t"))} == {10}


def test_the_note_is_in_the_picture_and_nothing_is_cut(tmp_path) -> None:
    with pytest.warns(ThinnedWarning):
        figure = heatmap.draw(*panel(2, 300)[:3], title="T")
    picture.save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert saved.size == tuple((figure.get_size_inches() * 144).round())
        assert saved.width > 5000
    title = figure.axes[0].title
    assert title.get_text() == "T\none cell: 1 target x 3 source tokens"
    box = title.get_window_extent()
    assert box.y1 <= figure.bbox.y1
    assert box.y0 >= figure.axes[0].get_window_extent().y1
