"""Every index ends up in a batch, whatever the limits."""

import fairseq
import numpy as np
import pytest
import torch
from fairseq.data import LanguagePairDataset
from hypothesis import given
from hypothesis import strategies as st

from fairseq_plugin.tasks.datasets import CopyDataset
from tests.support import building
from tests.support.errors import message_of


def dataset_of(sizes: list[int]) -> CopyDataset:
    rows = [torch.full((size,), building.FIRST_LETTER) for size in sizes]
    symbols = building.dictionary()
    return CopyDataset(rows, np.array(sizes), symbols, rows, np.array(sizes), symbols, shuffle=False)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    batch_size=st.one_of(st.none(), st.integers(1, 40)),
    max_tokens=st.one_of(st.none(), st.integers(9, 100)),
    multiple=st.integers(1, 16),
)
def test_every_index_is_in_one_batch(
    sizes: list[int], batch_size: int | None, max_tokens: int | None, multiple: int
) -> None:
    dataset = dataset_of(sizes)
    indices = dataset.ordered_indices()
    batches = dataset.batch_by_size(
        indices, max_tokens=max_tokens, max_sentences=batch_size, required_batch_size_multiple=multiple
    )
    assert np.concatenate(batches).tolist() == indices.tolist()
    assert all(len(batch) for batch in batches)
    for batch in batches:
        if batch_size is not None:
            assert len(batch) <= max(batch_size, multiple)
        if max_tokens is not None:
            longest = max(sizes[index] for index in batch)
            assert longest * len(batch) <= max_tokens


def test_a_sequence_that_no_batch_has_room_for_is_refused() -> None:
    dataset = dataset_of([3, 9, 4])
    assert [batch.tolist() for batch in dataset.batch_by_size(np.array([0, 2]), max_tokens=4)] == [[0], [2]]
    assert message_of(dataset.batch_by_size, np.arange(3), max_tokens=8) == (
        "a sequence of 9 tokens does not fit into --max-tokens 8: raise it"
    )


@pytest.mark.skipif(fairseq.__version__ == "0.12.2", reason="upstream's build keeps them")
def test_fairseq_itself_leaves_the_last_ones_out() -> None:
    """The reason for the class; without it there would be nothing to mend."""
    dataset = dataset_of([3] * 30)
    options = {"max_tokens": 12_000, "max_sentences": None, "required_batch_size_multiple": 8}
    theirs = super(CopyDataset, dataset).batch_by_size(np.arange(30), **options)
    assert sum(map(len, theirs)) == 24
    assert [len(batch) for batch in dataset.batch_by_size(np.arange(30), **options)] == [24, 6]


@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=12),
    left_source=st.booleans(),
    left_target=st.booleans(),
    multiple=st.sampled_from([1, 4]),
)
def test_a_batch_is_the_one_that_fairseq_makes(
    lengths: list[tuple[int, int]], left_source: bool, left_target: bool, multiple: int
) -> None:
    sources = [torch.tensor([*row, building.EOS]) for row in building.sentences([source for source, _ in lengths])]
    targets = [torch.tensor([*row, building.EOS]) for row in building.sentences([target for _, target in lengths])]
    symbols = building.dictionary()
    pairs = (sources, np.array(list(map(len, sources))), symbols, targets, np.array(list(map(len, targets))), symbols)
    options = {"left_pad_source": left_source, "left_pad_target": left_target, "pad_to_multiple": multiple}
    dataset = CopyDataset(*pairs, **options)
    samples = [dataset[index] for index in range(len(dataset))]
    got, expected = dataset.collater(samples), LanguagePairDataset(*pairs, **options).collater(samples)
    assert got.keys() == expected.keys()
    assert got["ntokens"] == expected["ntokens"]
    assert got["nsentences"] == expected["nsentences"]
    for name in ("id", "target"):
        assert torch.equal(got[name], expected[name])
    assert got["net_input"].keys() == expected["net_input"].keys()
    for name, value in expected["net_input"].items():
        assert torch.equal(got["net_input"][name], value)
