"""The optimizer ``fused_adamw``: torch's Adam, all parameters in one call.

fairseq's ``adam`` walks over the parameters in Python. The update is the same: Kingma and Ba 2015 (arXiv 1412.6980)
with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101). Only the place of epsilon differs: torch
adds it to the bias-corrected root.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, List

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer, register_optimizer
from omegaconf import II
from torch import nn

from data_gen.errors import UserError
from fairseq_plugin.program import reports_user_errors


@dataclass
class FusedAdamWConfig(FairseqDataclass):
    """Options of ``--optimizer fused_adamw``; names and defaults are those of ``adam``."""

    adam_betas: str = field(default="(0.9, 0.999)", metadata={"help": "decay rates of both moments"})
    adam_eps: float = field(default=1e-8, metadata={"help": "epsilon, added to the bias-corrected root"})
    weight_decay: float = field(default=0.0, metadata={"help": "decoupled weight decay"})
    lr: List[float] = II("optimization.lr")


@register_optimizer("fused_adamw", dataclass=FusedAdamWConfig)
class FusedAdamW(FairseqOptimizer):
    """torch.optim.AdamW with its fused step."""

    @reports_user_errors
    def __init__(self, cfg: Any, params: Iterable[nn.Parameter]) -> None:
        super().__init__(cfg)
        options = self.optimizer_config
        for name, key in (("--lr", "lr"), ("--adam-eps", "eps"), ("--weight-decay", "weight_decay")):
            if not options[key] >= 0.0:
                raise UserError(f"{name} must be at least 0, but is {options[key]}")
        self._optimizer = torch.optim.AdamW(params, **options, fused=True)

    @property
    @reports_user_errors
    def supports_memory_efficient_fp16(self) -> bool:
        """What fairseq asks where it is to do without a copy of the parameters in float32.

        :raises UserError: always: the moments would be kept in half precision.
        """
        raise UserError(
            "--memory-efficient-fp16 needs an optimizer that keeps its moments in float32, "
            "which --optimizer fused_adamw does not: use --optimizer adam"
        )

    @property
    def supports_flat_params(self) -> bool:
        """Whether all parameters may be one flat tensor, as ``--fp16`` on a GPU makes them."""
        return True

    @property
    def optimizer_config(self) -> dict[str, Any]:
        """Arguments that override those of a checkpoint.

        :raises UserError: ``--adam-betas`` is no pair of numbers from 0 to below 1.
        """
        lr = self.cfg.lr[0] if not isinstance(self.cfg.lr, float) else self.cfg.lr
        betas = read_betas(str(self.cfg.adam_betas))
        return {"lr": lr, "betas": betas, "eps": self.cfg.adam_eps, "weight_decay": self.cfg.weight_decay}


def read_betas(text: str) -> tuple[float, float]:
    """Both decay rates from text like ``(0.9, 0.999)``.

    :raises UserError: it is no pair of numbers from 0 to below 1.
    """
    try:
        first, second = (float(beta) for beta in ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError):
        first = second = -1.0
    if not (0.0 <= first < 1.0 and 0.0 <= second < 1.0):
        raise UserError(f"--adam-betas must be two numbers from 0 to below 1, like '(0.9, 0.999)', but is {text!r}")
    return first, second
