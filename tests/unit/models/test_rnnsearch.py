"""The paper's models: every number from the equations of its appendix, first values, counts, padding, decoding."""

from argparse import Namespace
from collections.abc import Callable

import pytest
import torch

from fairseq_plugin.models.architectures import rnnencdec, rnnencdec_small, rnnsearch, rnnsearch_small
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from tests.support import building
from tests.support.appendix import Appendix

LENGTHS = [3, 7, 1, 5]
TINY = {
    "encoder_embed_dim": 5,
    "decoder_embed_dim": 4,
    "encoder_hidden_size": 6,
    "decoder_hidden_size": 6,
    "attention_dim": 7,
    "readout_dim": 3,
}
Architecture = Callable[[Namespace], None]
architectures = pytest.mark.parametrize("architecture", [rnnsearch, rnnencdec])


def built(architecture: Architecture, **options: object) -> GRUAttentionModel:
    """The model with the first values that it starts from."""
    args = Namespace(**options)
    architecture(args)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return GRUAttentionModel.build_model(args, building.task()).eval()


def random_model(architecture: Architecture, **options: object) -> GRUAttentionModel:
    """A tiny one in float64 with every parameter drawn anew, biases and v_a included."""
    model = built(architecture, **{**TINY, **options}).double()
    for number, parameter in enumerate(model.parameters()):
        torch.nn.init.normal_(parameter, std=0.7, generator=building.generator(number))
    return model


@architectures
@pytest.mark.parametrize("recurrence", ["auto", "naive"])
@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
def test_logits_and_attention_are_those_of_the_appendix(
    architecture: Architecture, recurrence: str, left: bool
) -> None:
    model = random_model(architecture, recurrence=recurrence)
    appendix = Appendix(model)
    net_input = building.batch(LENGTHS, left_source=left, left_target=left, extra=2)
    source, previous = net_input["src_tokens"], net_input["prev_output_tokens"]
    with torch.no_grad():
        logits, extra = model(**net_input)
    for row in range(len(LENGTHS)):
        is_source, is_target = source[row].ne(building.PAD), previous[row].ne(building.PAD)
        expected, alphas = appendix.run(source[row, is_source].tolist(), previous[row, is_target].tolist())
        torch.testing.assert_close(logits[row, is_target], torch.tensor(expected), rtol=1e-10, atol=1e-10)
        if extra["attn"] is not None:
            weights = extra["attn"][0][row, is_target]
            torch.testing.assert_close(weights[:, is_source], torch.tensor(alphas), rtol=1e-10, atol=1e-10)
            assert (weights[:, ~is_source] == 0.0).all()
    assert (extra["attn"] is None) == (architecture is rnnencdec)


@architectures
@pytest.mark.parametrize("recurrence", ["auto", "naive"])
def test_decoding_step_by_step_through_a_reordered_beam(architecture: Architecture, recurrence: str) -> None:
    """Each row of the beam has the logits of the appendix for the words that it has come to hold."""
    model = random_model(architecture, recurrence=recurrence)
    appendix = Appendix(model)
    source = building.batch(LENGTHS, left_source=True)["src_tokens"]
    rows = torch.arange(4).repeat_interleave(2)
    words = torch.cat(
        [torch.full((8, 1), building.EOS), torch.randint(4, 12, (8, 3), generator=building.generator(3))], 1
    )
    order = torch.tensor([1, 0, 3, 3, 4, 5, 6, 6])
    state: dict = {}
    with torch.no_grad():
        encoder_out = model.encoder.reorder_encoder_out(model.encoder(source), rows)
        for step in (1, 2):
            model.decoder(words[:, :step], encoder_out, incremental_state=state)
        model.decoder.reorder_incremental_state_scripting(state, order)
        words = torch.cat([words[order, :2], words[:, 2:]], dim=1)
        for step in (3, 4):
            logits, _ = model.decoder(words[:, :step], encoder_out, incremental_state=state)
            for row, sentence in enumerate(rows[order].tolist()):
                true = source[sentence, source[sentence].ne(building.PAD)].tolist()
                expected, _ = appendix.run(true, words[row, :step].tolist())
                torch.testing.assert_close(logits[row, 0], torch.tensor(expected[-1]), rtol=1e-10, atol=1e-10)


@architectures
def test_first_values_are_those_of_appendix_b(architecture: Architecture) -> None:
    """Embeddings of 62 to matrices of 100: enough numbers for means and deviations within a few percent."""
    model = built({rnnsearch: rnnsearch_small, rnnencdec: rnnencdec_small}[architecture])
    seen = set()
    for name, parameter in model.named_parameters():
        value = parameter.detach()
        if "weight_hh" in name:
            seen.add("recurrent")
            for gate in value.chunk(3):
                torch.testing.assert_close(gate @ gate.t(), torch.eye(100), rtol=0, atol=1e-5)
        elif "bias" in name or "energy" in name:
            seen.add("zero")
            assert (value == 0.0).all(), name
        else:
            std = 0.001 if ".attention." in name else 0.01
            seen.add(std)
            numbers = value[2:] if "embed_tokens" in name else value  # <s> aside, <pad> is the zero vector
            tolerance = 5 / numbers.numel() ** 0.5
            assert abs(numbers.mean() / std) < tolerance, name
            assert abs(numbers.std() / std - 1) < tolerance, name
    assert seen == {"recurrent", "zero", 0.01} | ({0.001} if architecture is rnnsearch else set())
    assert (model.encoder.embed_tokens.weight[building.PAD] == 0.0).all()


def test_attention_starts_exactly_uniform_over_what_is_no_padding() -> None:
    net_input = building.batch(LENGTHS, left_source=True)
    _, extra = built(rnnsearch_small)(**net_input)
    true = net_input["src_tokens"].ne(building.PAD)
    uniform = true / true.sum(dim=1, keepdim=True)
    assert torch.equal(extra["attn"][0], uniform.unsqueeze(1).expand_as(extra["attn"][0]))


def test_pretrained_embeddings_outlast_the_papers_first_values(tmp_path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("1 5\na 1 2 3 4 5\n", encoding="utf-8")
    model = built(rnnsearch, **TINY, encoder_embed_path=str(path))
    assert model.encoder.embed_tokens.weight[building.FIRST_LETTER].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert model.encoder.embed_tokens.weight[building.FIRST_LETTER + 1].abs().max() < 0.1


@architectures
def test_every_parameter_is_trained(architecture: Architecture) -> None:
    model = random_model(architecture).train()
    logits, _ = model(**building.batch([3, 5]))
    logits.square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0] == []
