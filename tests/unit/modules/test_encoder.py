"""The encoder reads true tokens only, whatever side the padding is on."""

import pytest
import torch

from tests.support import building

SHAPES = {
    "plain": {},
    "bidirectional": {"encoder_bidirectional": True, "decoder_init": "tanh"},
    "two layers": {"encoder_layers": 2},
    "bidirectional two layers": {"encoder_bidirectional": True, "encoder_layers": 2, "decoder_init": "tanh"},
}
LENGTHS = [3, 7, 1, 5]


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("extra", [0, 4], ids=["tight", "loose"])
def test_a_sentence_is_read_alike_alone_and_in_a_batch(options: dict, left: bool, extra: int) -> None:
    encoder = building.model(**options).encoder
    source = building.batch(LENGTHS, left_source=left, extra=extra)["src_tokens"]
    together = encoder(source)
    for row, annotations in enumerate(building.true_rows(together["encoder_out"][0], source)):
        alone = encoder(source[row][source[row].ne(building.PAD)].unsqueeze(0))
        torch.testing.assert_close(annotations, alone["encoder_out"][0][0], **building.CLOSE)
        torch.testing.assert_close(
            together["encoder_states"][0][:, row], alone["encoder_states"][0][:, 0], **building.CLOSE
        )


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_annotations_and_mask_follow_the_layout_of_the_tokens(left: bool) -> None:
    source = building.batch(LENGTHS, left_source=left)["src_tokens"]
    out = building.model().encoder(source)
    assert torch.equal(out["encoder_padding_mask"][0], source.eq(building.PAD))
    assert (out["encoder_out"][0][source.eq(building.PAD)] == 0).all()


def test_the_final_state_is_the_last_true_annotation() -> None:
    source = building.batch(LENGTHS, extra=3)["src_tokens"]
    out = building.model().encoder(source)
    last = torch.stack([row[-1] for row in building.true_rows(out["encoder_out"][0], source)])
    torch.testing.assert_close(out["encoder_states"][0][-1], last)


def test_the_backward_direction_ends_at_the_first_token() -> None:
    encoder = building.model(encoder_bidirectional=True, decoder_init="tanh").encoder
    source = building.batch(LENGTHS, left_source=True)["src_tokens"]
    out = encoder(source)
    first = torch.stack([row[0] for row in building.true_rows(out["encoder_out"][0], source)])
    torch.testing.assert_close(out["encoder_states"][0][-1][:, 6:], first[:, 6:])


def test_an_empty_row_is_all_zero() -> None:
    source = building.pad([[4, 5, 2], []], width=3)
    out = building.model().encoder(source)
    assert (out["encoder_out"][0][1] == 0).all()
    assert (out["encoder_states"][0][:, 1] == 0).all()


def test_reordering_copies_no_sentence_and_composes() -> None:
    encoder = building.model().encoder
    out = encoder(building.batch(LENGTHS)["src_tokens"])
    twice = encoder.reorder_encoder_out(
        encoder.reorder_encoder_out(out, torch.tensor([3, 3, 0, 0])), torch.tensor([2, 0])
    )
    assert twice["encoder_out"][0] is out["encoder_out"][0]
    (rows,) = twice["rows"]
    assert torch.equal(twice["encoder_out"][0][rows], out["encoder_out"][0][[0, 3]])
    assert torch.equal(twice["encoder_states"][0][:, rows], out["encoder_states"][0][:, [0, 3]])
    assert torch.equal(twice["encoder_padding_mask"][0][rows], out["encoder_padding_mask"][0][[0, 3]])
