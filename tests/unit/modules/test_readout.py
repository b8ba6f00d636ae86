"""What the output matrix reads."""

import pytest
import torch

from fairseq_plugin.modules.readout import READOUT, READOUT_STATE, Readout
from tests.support import building


def readout(kind: str, state: str = "current", dropout: float = 0.0) -> Readout:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Readout(kind, state_dim=4, embed_dim=3, context_dim=2, features=5, state=state, dropout=dropout)


def inputs() -> tuple[torch.Tensor, ...]:
    random = building.generator(1)
    return tuple(torch.randn(2, 3, size, generator=random) for size in (4, 3, 2))


def test_the_state_is_read_as_it_is() -> None:
    states, embedded, _ = inputs()
    assert readout("state", dropout=0.5)(states, embedded, None, start=states[:, 0]) is states
    assert not readout("state").reads_contexts
    assert readout("state").features == 4


@pytest.mark.parametrize("kind", ["tanh", "maxout"])
def test_mixed_features_by_hand(kind: str) -> None:
    module = readout(kind)
    assert module.mix is not None
    module.mix.bias.data.uniform_(-1, 1, generator=building.generator(2))
    states, embedded, contexts = inputs()
    features = module(states, embedded, contexts, start=states[:, 0])
    assert features.shape == (2, 3, 5)
    for row in range(2):
        for step in range(3):
            read = [*states[row, step], *embedded[row, step], *contexts[row, step]]
            sums = [
                sum(w * x for w, x in zip(weights, read, strict=True)) + bias
                for weights, bias in zip(module.mix.weight, module.mix.bias, strict=True)
            ]
            for unit in range(5):
                expected = torch.tanh(sums[unit]) if kind == "tanh" else max(sums[2 * unit], sums[2 * unit + 1])
                torch.testing.assert_close(features[row, step, unit], expected)


@pytest.mark.parametrize("kind", ["tanh", "maxout"])
def test_the_previous_state_is_that_of_the_step_before(kind: str) -> None:
    states, embedded, contexts = inputs()
    start = torch.randn(2, 4, generator=building.generator(3))
    got = readout(kind, "previous")(states, embedded, contexts, start=start)
    shifted = torch.stack([start, states[:, 0], states[:, 1]], dim=1)
    torch.testing.assert_close(got, readout(kind)(shifted, embedded, contexts, start=start))
    assert not torch.allclose(got, readout(kind)(states, embedded, contexts, start=start))


@pytest.mark.parametrize("state", READOUT_STATE)
def test_dropout_falls_on_the_states_alone_while_training(state: str) -> None:
    states, embedded, contexts = (part.abs() + 0.1 for part in inputs())  # nothing is 0 of itself
    start = states[:, 0] + 1
    module = readout("tanh", state, dropout=0.5)
    assert module.mix is not None
    module.mix = torch.nn.Linear(9, 9, bias=False)  # what it reads comes out as it is
    module.mix.weight = torch.nn.Parameter(torch.eye(9) / 5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        read = module(states, embedded, contexts, start=start).atanh()
    module.eval()
    whole = module(states, embedded, contexts, start=start).atanh()
    torch.testing.assert_close(read[..., 4:], whole[..., 4:])
    shares = read[..., :4] / whole[..., :4]
    assert set(shares.detach().mul(1e3).round().flatten().tolist()) == {0.0, 2e3}


@pytest.mark.parametrize("kind", READOUT)
def test_decoding_by_naive_and_fused_steps_agrees(kind: str) -> None:
    net_input = building.batch([3, 5])
    logits = []
    for recurrence in ("naive", "fused"):
        model = building.model(readout=kind, recurrence=recurrence)
        incremental: dict = {}
        with torch.no_grad():
            encoder_out = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
            for step in range(1, 4):
                previous = net_input["prev_output_tokens"][:, :step]
                out, _ = model.decoder(previous, encoder_out, incremental_state=incremental)
        logits.append(out)
    torch.testing.assert_close(*logits)
