"""The plugin's model is the plain PyTorch model of the same equations: same weights, same numbers, same gradients."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fairseq_plugin.models.gru_attention import GRUAttentionModel
from scripts.benchmark.textbook import Textbook
from tests.support import building

# Names of the same parameters in the plugin's model.
NAMES = {
    "source_embedding.weight": "encoder.embed_tokens.weight",
    "target_embedding.weight": "decoder.embed_tokens.weight",
    "encoder.": "encoder.gru.",
    "decoder.w_h.weight": "decoder.attention.key_projection.weight",
    "decoder.w_s.weight": "decoder.attention.query_projection.weight",
    "decoder.v.weight": "decoder.attention.energy.weight",
    "decoder.cell.": "decoder.cell.",
    "w_o.": "decoder.output_projection.",
}


def plugin_names(textbook: Textbook) -> dict[str, str]:
    """The textbook's parameter name to the plugin's."""
    return {
        name: theirs + name.removeprefix(mine)
        for name, _ in textbook.named_parameters()
        for mine, theirs in NAMES.items()
        if name.startswith(mine)
    }


def pair(dtype: torch.dtype = torch.float32) -> tuple[Textbook, GRUAttentionModel, dict[str, Tensor]]:
    model = building.model().to(dtype)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        textbook = Textbook(symbols=12, embed=5, hidden=6, attention=7).to(dtype)
    ours = dict(model.named_parameters())
    for name, parameter in textbook.named_parameters():
        ours[plugin_names(textbook)[name]].data.copy_(parameter)
    return textbook, model, building.batch([6, 6, 6])


def test_every_parameter_has_its_counterpart() -> None:
    textbook, model, _ = pair()
    assert sorted(plugin_names(textbook).values()) == sorted(name for name, _ in model.named_parameters())


def test_logits_and_attention_agree() -> None:
    textbook, model, net_input = pair()
    logits, weights = textbook(net_input["src_tokens"], net_input["prev_output_tokens"])
    our_logits, extra = model(**net_input)
    torch.testing.assert_close(our_logits, logits, **building.CLOSE)
    torch.testing.assert_close(extra["attn"][0], weights, **building.CLOSE)


def test_rows_with_padding_agree() -> None:
    textbook, model, _ = pair()
    net_input = building.batch([6, 2, 4])
    true = net_input["prev_output_tokens"].ne(building.PAD)
    logits, _ = textbook(net_input["src_tokens"], net_input["prev_output_tokens"], net_input["src_lengths"])
    our_logits, _ = model(**net_input)
    torch.testing.assert_close(our_logits[true], logits[true], **building.CLOSE)


def test_every_gradient_agrees() -> None:
    textbook, model, net_input = pair(torch.float64)
    target = net_input["src_tokens"].flatten()
    logits, _ = textbook(net_input["src_tokens"], net_input["prev_output_tokens"])
    F.cross_entropy(logits.flatten(0, 1), target).backward()
    our_logits, _ = model(**net_input)
    F.cross_entropy(our_logits.flatten(0, 1), target).backward()
    ours = dict(model.named_parameters())
    for name, parameter in textbook.named_parameters():
        counterpart = ours[plugin_names(textbook)[name]]
        torch.testing.assert_close(counterpart.grad, parameter.grad, rtol=0, atol=1e-12, msg=name)
