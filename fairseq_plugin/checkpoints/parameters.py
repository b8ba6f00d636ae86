"""Whether a checkpoint is one of the model that is built for it."""

import torch
from torch import Tensor, nn

from data_gen.errors import UserError
from fairseq_plugin.modules.dictionary_digest import NAME as DIGEST


def check_parameters(model: nn.Module, state_dict: dict[str, Tensor]) -> None:
    """Compare the parameters of a checkpoint with those of the model built for it.

    :raises UserError: naming the first parameter that differs; a missing or surplus name is left to torch, which lists
        them.
    """
    if state_dict.keys() != model.state_dict().keys():
        return
    for name, parameter in model.state_dict().items():
        saved = state_dict[name]
        if saved.shape == parameter.shape:
            continue
        if name.endswith("embed_tokens.weight") and saved.shape[1:] == parameter.shape[1:]:
            side = "source" if name.startswith("encoder") else "target"
            raise UserError(
                f"the checkpoint knows {saved.shape[0]} {side} symbols, but the dictionary has {parameter.shape[0]}: "
                "use the data folder (dict.*.txt) that the checkpoint was trained with"
            )
        raise UserError(
            f"parameter {name} is {tuple(saved.shape)} in the checkpoint, but {tuple(parameter.shape)} in the model: "
            "use the options that the checkpoint was trained with"
        )
    for name, saved in state_dict.items():
        if not torch.isfinite(saved).all():
            raise UserError(
                f"parameter {name} of the checkpoint is NaN or infinite, its training has diverged: go on from an "
                "earlier one, with a lower --lr or --clip-norm"
            )
    for side, part in (("source", "encoder"), ("target", "decoder")):
        name = f"{part}.{DIGEST}"
        if not torch.equal(state_dict[name].cpu(), model.state_dict()[name].cpu()):
            raise UserError(
                f"the {side} dictionary has other symbols than the one that the checkpoint was trained with: "
                "use the data folder (dict.*.txt) that it was trained with"
            )
