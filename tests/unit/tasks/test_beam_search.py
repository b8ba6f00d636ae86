"""Beam search block by block finds what fairseq's beam search finds."""

import inspect
from argparse import Namespace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from fairseq import search
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.tasks import beam_search
from fairseq_plugin.tasks.beam_search import BlockwiseBeamSearch
from tests.support import building
from tests.support.building import EOS, FIRST_LETTER, PAD
from tests.support.making import make_task

LETTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 150)))
TASK = building.task(LETTERS)
SYMBOLS = len(TASK.target_dictionary)
# How many candidates: those that fairseq searches without being told, and others where it can be told.
CAN_BE_TOLD = "candidate_multiple" in inspect.signature(search.BeamSearch.step).parameters
MULTIPLES: list[dict[str, int]] = [{}, *[{"candidate_multiple": 3}] * CAN_BE_TOLD]


@pytest.fixture(autouse=True)
def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four symbols, whatever their number; on any device."""
    monkeypatch.setattr(beam_search, "BLOCK", 4)
    monkeypatch.setattr(beam_search, "LARGE", 0)


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=building.generator(sum(shape)))


@pytest.mark.parametrize("symbols", [400, 401, 403], ids=["whole blocks", "one more", "three more"])
@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize("multiple", MULTIPLES, ids=str)
def test_a_step_has_the_same_candidates(
    symbols: int, beam: int, step: int, multiple: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lprobs, scores = numbers(3, beam, symbols).log_softmax(dim=2), numbers(3, beam, 4)
    lprobs[:, :, -1] = lprobs.amax(dim=2) + 0.5  # the best symbol stands in the last block
    lprobs[0, :, PAD] = -torch.inf
    stock = search.BeamSearch(TASK.target_dictionary)
    expected = stock.step(step, lprobs.clone(), scores, **multiple)
    monkeypatch.setattr(search.BeamSearch, "step", None)  # and it is not fairseq's that finds them
    ours = BlockwiseBeamSearch(TASK.target_dictionary).step(step, lprobs, scores, **multiple)
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.equal(other)


@pytest.mark.parametrize(
    ("place", "equal"),
    [(0, [1]), (3, [1]), (5, [1]), (6, [])],
    ids=["the best", "some", "the last one taken, and the next", "only behind those taken"],
)
@pytest.mark.parametrize("symbol", [7, 400], ids=["in a block", "in the rest"])
def test_of_equal_candidates_it_takes_those_that_fairseq_takes(place: int, equal: list[int], symbol: int) -> None:
    lprobs, scores = numbers(3, 3, 401), torch.zeros(3, 3, 1)
    lprobs[1, 2, symbol] = lprobs[1].flatten().topk(7).values[place]
    expected = search.BeamSearch(TASK.target_dictionary).step(1, lprobs, scores)
    with mock.patch.object(search.BeamSearch, "step", autospec=True, side_effect=search.BeamSearch.step) as stock:
        ours = BlockwiseBeamSearch(TASK.target_dictionary).step(1, lprobs, scores)
    assert all(one.equal(other) for one, other in zip(ours, expected, strict=True))
    searched = [call.args[2] for call in stock.call_args_list]
    assert len(searched) == len(equal)
    assert all(part.equal(lprobs[equal]) for part in searched)  # the sentence with equal candidates, and no other


@pytest.mark.parametrize("allowed", [1, 3])
def test_forbidden_symbols_are_equal_candidates(allowed: int) -> None:
    """As after a prefix, or at the longest output: everything else has a probability of 0."""
    lprobs, scores = torch.full((2, 3, 401), -torch.inf), numbers(2, 3, 1)
    lprobs[:, :, 7 : 7 + allowed] = numbers(2, 3, allowed)
    ours = BlockwiseBeamSearch(TASK.target_dictionary).step(1, lprobs, scores)
    expected = search.BeamSearch(TASK.target_dictionary).step(1, lprobs, scores)
    assert all(one.equal(other) for one, other in zip(ours, expected, strict=True))


@pytest.mark.parametrize(("numel", "blocks"), [(10**6, 0), (0, 100)], ids=["few numbers", "few blocks"])
def test_small_steps_are_those_of_fairseq(numel: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam_search, "LARGE", numel)
    monkeypatch.setattr(beam_search, "SPARSE", blocks)
    monkeypatch.setattr(search.BeamSearch, "step", lambda self, *args: args)
    given = (1, numbers(1, 1, 400), numbers(1, 1, 1), None, None)
    assert BlockwiseBeamSearch(TASK.target_dictionary).step(*given) == given


@pytest.fixture(scope="module")
def model() -> GRUAttentionModel:
    options = Namespace(encoder_hidden_size=6, decoder_hidden_size=6, attention_dim=4)
    gru_attention_copy(options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        built = GRUAttentionModel.build_model(options, TASK)
        for parameter in built.parameters():
            parameter.data.mul_(3.0)
    assert built.decoder.output_projection is not None
    built.decoder.output_projection.bias.data[EOS] = 2.0  # hypotheses of many lengths
    return built.eval()


def decoded(model: Any, strategy: search.Search, prefix: Tensor | None, **options: Any) -> list[list[dict]]:
    rows = [[FIRST_LETTER + (7 * row + place) % 150 for place in range(3 + row)] for row in range(4)]
    sample = {"net_input": {"src_tokens": building.pad(rows), "src_lengths": torch.tensor([len(row) for row in rows])}}
    generator = SequenceGenerator([model], TASK.target_dictionary, search_strategy=strategy, max_len_b=9, **options)
    return generator.generate([model], sample, prefix_tokens=prefix)


PREFIXES = {
    "no prefix": None,
    "prefixes": torch.tensor([[9, 12], [77, PAD], [PAD, PAD], [150, 151]]),
    "an ended one": torch.tensor([[9, EOS], [77, 78], [8, 9], [150, 151]]),
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalize_scores": False},
        {"temperature": 1.7, "len_penalty": 0.3},
        {"min_len": 6, "unk_penalty": 2.0},
        {"no_repeat_ngram_size": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("beam", [1, 2, 5])
def test_all_hypotheses_are_the_same(
    model: GRUAttentionModel, beam: int, options: dict[str, Any], prefix: Tensor | None
) -> None:
    symbols = TASK.target_dictionary
    expected = decoded(model, search.BeamSearch(symbols), prefix, beam_size=beam, **options)
    ours = decoded(model, BlockwiseBeamSearch(symbols), prefix, beam_size=beam, **options)
    for one, other in zip(ours, expected, strict=True):
        assert len(one) == len(other) == beam
        for mine, theirs in zip(one, other, strict=True):
            assert mine["tokens"].equal(theirs["tokens"])
            for part in ("score", "positional_scores", "attention"):
                assert mine[part].equal(theirs[part])


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, BlockwiseBeamSearch),
        ({"sampling": True}, search.Sampling),
        ({"constraints": "ordered"}, search.LexicallyConstrainedBeamSearch),
        ({"diverse_beam_groups": 2}, search.DiverseBeamSearch),
        ({"prefix_allowed_tokens_fn": lambda row, tokens: [EOS]}, search.PrefixConstrainedBeamSearch),
    ],
    ids=["plain", "sampling", "constraints", "diverse", "allowed tokens"],
)
def test_the_copy_task_leaves_other_searches_as_they_are(
    copy_data: Path, model: GRUAttentionModel, options: dict[str, Any], kind: type
) -> None:
    assert type(make_task(copy_data).build_generator([model], Namespace(beam=2, **options)).search) is kind
