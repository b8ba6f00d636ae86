"""fused_adamw takes the same steps as fairseq's adam."""

from argparse import Namespace

import pytest
import torch
from fairseq.optim.adam import Adam

from data_gen.errors import UserError
from fairseq_plugin.optim.fused_adam import FusedAdamW, read_betas
from tests.support import building
from tests.support.errors import message_of


def parameters() -> list[torch.nn.Parameter]:
    random = building.generator(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=random)) for shape in ((3, 4), (5,))]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_follows_fairseq_adam(weight_decay: float) -> None:
    config = Namespace(lr=[1e-2], adam_betas="(0.9, 0.98)", adam_eps=1e-8, weight_decay=weight_decay)
    ours, theirs = parameters(), parameters()
    mine = FusedAdamW(config, ours)
    other = Adam(theirs, lr=1e-2, betas=(0.9, 0.98), eps=1e-8, weight_decay=weight_decay)
    random = building.generator(1)
    for _ in range(20):
        for one, two in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=random)
            two.grad = one.grad.clone()
        mine.step()
        other.step()
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_flat_parameters_take_the_same_steps() -> None:
    """fairseq makes all parameters one flat tensor for ``--fp16``, if the optimizer says that it may."""
    config = Namespace(lr=[1e-2], adam_betas="(0.9, 0.98)", adam_eps=1e-8, weight_decay=0.1)
    apart = parameters()
    flat = torch.nn.Parameter(torch.cat([each.detach().flatten() for each in apart]))
    mine, other = FusedAdamW(config, apart), FusedAdamW(config, [flat])
    assert other.supports_flat_params
    random = building.generator(1)
    for _ in range(5):
        for each in apart:
            each.grad = torch.randn(each.shape, generator=random)
        flat.grad = torch.cat([each.grad.flatten() for each in apart if each.grad is not None])
        mine.step()
        other.step()
    torch.testing.assert_close(torch.cat([each.detach().flatten() for each in apart]), flat.detach())


@pytest.mark.parametrize("text", ["0.9", "(0.9,)", "(0.9, 1.0)", "[0.9, -0.1]", "(0.9, 0.9, 0.9)", "x", "('a', 2)"])
def test_bad_betas_are_named(text: str) -> None:
    assert message_of(read_betas, text) == (
        f"--adam-betas must be two numbers from 0 to below 1, like '(0.9, 0.999)', but is {text!r}"
    )


@pytest.mark.parametrize("name", ["lr", "adam_eps", "weight_decay"])
def test_values_below_0_are_named(name: str) -> None:
    given = {"lr": [1e-2], "adam_betas": "(0.9, 0.98)", "adam_eps": 1e-8, "weight_decay": 0.0}
    given[name] = [-1.0] if name == "lr" else -1.0
    with pytest.raises(UserError, match=f"^--{name.replace('_', '-')} must be at least 0, but is -1.0$"):
        FusedAdamW(Namespace(**given), parameters())
