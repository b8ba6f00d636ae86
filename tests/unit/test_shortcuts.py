"""With tests/support/shortcuts.py, hydra makes what it makes without, the first time and the second."""

import warnings
from collections.abc import Iterator

import pytest
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from tests.support import shortcuts

TRAINING = ("--task", "copy", "--arch", "gru_attention_copy", "--optimizer", "adam", "--lr", "0.01", "--max-epoch", "3")
COMMANDS = {
    "training": ("training", TRAINING),
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
