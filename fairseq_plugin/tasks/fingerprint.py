"""What a checkpoint of the task ``copy`` must agree on with the data that it is used with."""

import logging
from collections.abc import Mapping
from typing import Any

from fairseq.data import Dictionary

from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from fairseq_plugin.modules.dictionary_digest import sha256_of

logger = logging.getLogger(__name__)


def fingerprint(
    source: Dictionary,
    target: Dictionary,
    *,
    languages: tuple[str | None, str | None],
    no_source_eos: bool,
    online: CopySpec | None,
) -> dict[str, Any]:
    """:returns: what a checkpoint keeps.

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
