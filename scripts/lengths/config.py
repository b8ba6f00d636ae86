"""What a study of lengths trains and tests, read from a YAML file."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data_gen.errors import UserError, failure_from_os_error


@dataclass(frozen=True)
class Study:
    """One study.

    :param data: words for ``python -m data_gen copy``; ``--test-lengths`` is added.
    :param train_lengths: shortest and longest sequence trained on, as in ``data``; shaded in the figure.
    :param test_lengths: lengths of the test sets, in symbols without end symbol.
    :param common: words for ``fairseq-train`` that all models share.
    :param models: name of a model to its own words for ``fairseq-train``.
    :param seeds: of the trainings; all read the same data.
    :param updates: of each training.
    :param validate_every: updates between two validations, each with a checkpoint.
    :param beam: of the decoding.
    """

    data: list[str]
    train_lengths: list[int]
    test_lengths: list[int]
    common: list[str]
    models: dict[str, list[str]]
    seeds: list[int]
    updates: int
    validate_every: int
    beam: int = 1


def read_study(path: Path) -> Study:
    """:raises UserError: no such file, no YAML, or an entry that is missing, unknown or makes no sense."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        text = path.read_text(encoding="utf-8")
        values = OmegaConf.to_container(OmegaConf.create(text))
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except (YAMLError, OmegaConfBaseException, ValueError, AssertionError, RecursionError) as error:
        said = next(
            iter(str(error).splitlines()), "it has no entries"
        )  # of a bare word omegaconf asserts, and is silent
        raise UserError(f"cannot read {os.fspath(path)!r} as YAML: {said}") from None
    if not isinstance(values, dict):
        raise UserError(f"{os.fspath(path)!r} has no entries; scripts/lengths/summary.yaml is an example")
    return study_of({str(name): value for name, value in values.items()}, path)


def study_of(values: dict[str, Any], path: Path) -> Study:
    """:raises UserError: an entry of ``values``, read from ``path``, is missing, unknown or makes no sense."""

    def refuse(name: str, expected: str) -> UserError:
        return UserError(f"{os.fspath(path)!r}: {name} must be {expected}, but is {values.get(name)!r}")

    known = {field.name for field in fields(Study)}
    if unknown := sorted(values.keys() - known):
        raise UserError(f"{os.fspath(path)!r}: unknown entry {unknown[0]!r}; known are {', '.join(sorted(known))}")
    values = {"beam": 1, **values}
    for name in ("data", "common"):
        if not isinstance(values.get(name), str):
            raise refuse(name, "words of a command line")
    for name in ("updates", "validate_every", "beam"):
        if not _is_positive(values.get(name)):
            raise refuse(name, "a whole number of at least 1")
    for name in ("train_lengths", "test_lengths", "seeds"):
        numbers = values.get(name)
        if not isinstance(numbers, list) or not numbers or not all(map(_is_positive, numbers)):
            raise refuse(name, "a list of whole numbers of at least 1")
        if len(set(numbers)) < len(numbers) and name != "train_lengths":
            raise refuse(name, "a list without repetitions")
    if len(values["train_lengths"]) != 2 or values["train_lengths"][0] > values["train_lengths"][1]:
        raise refuse("train_lengths", "[shortest, longest]")
    models = values.get("models")
    if not isinstance(models, dict) or not models or not all(isinstance(words, str) for words in models.values()):
        raise refuse("models", "names, each with words of a command line")
    if bad := [name for name in models if not str(name).replace("-", "").replace("_", "").isalnum()]:
        raise UserError(f"{os.fspath(path)!r}: a model's name is a folder's: letters, digits, - and _, not {bad[0]!r}")
    split = {name: values[name].split() for name in ("data", "common")}
    return Study(**{**values, **split, "models": {str(name): words.split() for name, words in models.items()}})


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
