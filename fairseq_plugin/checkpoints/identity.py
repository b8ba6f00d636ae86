"""Whether a checkpoint is one of the model that is built for it, and of the data that it is used with.

A checkpoint that is loaded with another dictionary of the same size would run, and mean nothing. So it keeps a digest
of both dictionaries, and not among its parameters: a tool that averages or decays parameters would spoil the digest.
The digest is in the state of the task, which fairseq keeps for any task. When a checkpoint is read, the digests join
the parameters: fairseq hands nothing else to a model in every command and every process.

The task ``copy`` keeps a fingerprint of its data beside the digests, for messages that name the languages and the
folder.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import torch
from fairseq.data import Dictionary
from fairseq.tasks import FairseqTask
from torch import Tensor, nn

from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError

logger = logging.getLogger(__name__)

DIGEST: Final = "dictionary_digest"
SIDES: Final = {"encoder": "source", "decoder": "target"}
MOST: Final = 128
"""Checkpoints of an average that is known again: of more than these, nothing of a digest is left."""


def keep_identity(task: FairseqTask) -> None:
    """Have the checkpoints of a training keep digests of the dictionaries of ``task``."""
    state = getattr(task, "state", None)
    if state is not None:
        digests = {part: sha256_of(getattr(task, f"{side}_dictionary")).hex() for part, side in SIDES.items()}
        state.merge_state_dict({DIGEST: digests})


def give_identity(state: Mapping[str, Any]) -> None:
    """Put the digests of a checkpoint that was read among its parameters: (32,) for encoder and decoder."""
    for part, digest in ((state.get("task_state") or {}).get(DIGEST) or {}).items():
        # Of floating point: an average of equal digests is the digest.
        state["model"][f"{part}.{DIGEST}"] = torch.tensor(list(bytes.fromhex(digest)), dtype=torch.float)


def take_identity(state_dict: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Separate the digests from the parameters. The dictionary of the caller stays as it is.

    :returns: the parameters alone, and the digests of encoder and decoder, if there are some.
    """
    digests = {part: state_dict[f"{part}.{DIGEST}"] for part in SIDES if f"{part}.{DIGEST}" in state_dict}
    return OrderedDict(item for item in state_dict.items() if not item[0].endswith(f".{DIGEST}")), digests


def check_identity(model: nn.Module, digests: Mapping[str, Tensor]) -> None:
    """Compare the digests of a checkpoint with the dictionaries of the model built for it.

    :raises UserError: a dictionary has other symbols.
    """
    for part, digest in digests.items():
        if not _same(digest, sha256_of(getattr(model, part).dictionary)):
            raise UserError(
                f"the {SIDES[part]} dictionary has other symbols than the one that the checkpoint was trained with: "
                "use the data folder (dict.*.txt) that it was trained with"
            )


def _same(digest: Tensor, mine: bytes) -> bool:
    """Whether a digest is ``mine``.

    Version 1.0.0 kept it among the parameters as bytes. Of n of these, fairseq's average_checkpoints.py makes their sum
    modulo 256, divided by n.
    """
    if digest.is_floating_point():
        return digest.round().tolist() == list(mine)
    found = digest.tolist()
    return any(found == [n * byte % 256 // n for byte in mine] for n in range(1, MOST + 1))


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


def sha256_of(dictionary: Dictionary) -> bytes:
    """Digest a dictionary. :returns: the SHA-256 of the symbols in order."""
    return hashlib.sha256("\n".join(dictionary.symbols).encode()).digest()


def fingerprint(
    source: Dictionary,
    target: Dictionary,
    *,
    languages: tuple[str | None, str | None],
    no_source_eos: bool,
    online: CopySpec | None,
) -> dict[str, Any]:
    """Describe dictionaries, languages and data for a checkpoint.

    :returns: what a checkpoint keeps.

    :param languages: of source and target.
    :param online: what train is made from, if it is made while training.
    """
    made = {} if online is None else {"online": repr(online)}
    return {
        **made,
        "languages": "-".join(map(str, languages)),
        "source_symbols": _describe(source),
        "target_symbols": _describe(target),
        "no_source_eos": bool(no_source_eos),
    }


def check_fingerprint(saved: Mapping[str, Any], mine: Mapping[str, Any], data: str | None) -> None:
    """Warn of other sequences than those that the checkpoint was trained on while they were made.

    :raises UserError: if the dictionaries of a checkpoint are not those of the folder ``data``, or its languages are
        the other way round.
    """
    if "online" in saved and "online" in mine and saved["online"] != mine["online"]:
        logger.warning("trained on other data: then %s, now %s", saved["online"], mine["online"])
    one, _, other = mine["languages"].partition("-")
    if one != other and saved.get("languages") == f"{other}-{one}":
        raise UserError(
            f"the checkpoint was trained from {other} to {one}, but {data!r} is read from {one} to {other}: pass "
            f"--source-lang {other} --target-lang {one}, or use a checkpoint of the other direction"
        )
    for side in ("source", "target"):
        trained, found = saved[f"{side}_symbols"], mine[f"{side}_symbols"]
        if trained != found:
            if trained.split()[0] == found.split()[0]:
                found = found.replace("symbols", "others or another order", 1)
            raise UserError(
                f"the checkpoint was trained with a {side} dictionary of {trained}, but the one in {data!r} has "
                f"{found}: use the data folder it was trained with"
            )


def _describe(dictionary: Dictionary) -> str:
    return f"{len(dictionary)} symbols (sha256 {sha256_of(dictionary).hex()[:12]})"
