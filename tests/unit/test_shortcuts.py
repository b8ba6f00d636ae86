"""With tests/support/shortcuts.py, hydra makes what it makes without, the first time and the second, and omegaconf
takes in and hands out the same values.
"""

import warnings
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from tests.support import shortcuts

TRAINING = ("--task", "copy", "--arch", "gru_attention_copy", "--optimizer", "adam", "--lr", "0.01", "--max-epoch", "3")
ANOTHER = ("--task", "translation", "--arch", "rnnsearch", "--optimizer", "nag", "--criterion", "chunked_cross_entropy")
ANOTHER += ("--lr-scheduler", "inverse_sqrt", "--warmup-updates", "4", "--lr", "[0.1]", "--scoring", "sacrebleu")
COMMANDS = {
    "training": ("training", TRAINING),
    "another training": ("training", ANOTHER),
    "generation": ("interactive_generation", ("--path", "it's.pt", "--scoring", "exact_match", "--beam", "7")),
}


@pytest.fixture
def original() -> Iterator[None]:
    shortcuts.compose_anew()
    yield
    shortcuts.take()


@pytest.mark.parametrize(("purpose", "words"), COMMANDS.values(), ids=COMMANDS)
def test_the_same_configuration(purpose: str, words: tuple[str, ...], original: None) -> None:
    def made(*more: str) -> object:
        parser = getattr(options, f"get_{purpose}_parser")()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, ["data", *words, *more]))

    changed = ("--seed", "5", "--no-progress-bar")
    expected = made(), made(*changed)
    shortcuts.take()
    assert (made(), made(*changed)) == expected
    assert (made(), made(*changed)) == expected


VALUES = {"one": 1, "half": 0.5, "on": True, "word": "x", "none": None, "group": {"deep": 2}, "list": [1]}
VALUES |= {"same": "${one}", "inside": "a ${word}", "wanted": "???", "wrong": {"deep": {"er": "???"}}}


def test_the_same_values(original: None) -> None:
    def handed_out(configuration: Any) -> list[object]:
        found: list[object] = []
        for key in (*VALUES, "wrong.deep.er", "nothing", "_content", "__name__"):
            try:
                found.append(reduce(getattr, key.split("."), configuration))
            except Exception as error:
                found.append((type(error), str(error)))
        return found

    def made() -> Any:
        configuration = OmegaConf.create(VALUES)
        configuration._set_flag("struct", True)
        return configuration

    before = made()
    expected = handed_out(before)
    shortcuts.take()
    assert handed_out(before) == expected
    assert handed_out(made()) == expected
    assert made() == before
