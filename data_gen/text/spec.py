"""What a text dataset is made of: files, languages, and how their pieces are found."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_gen.errors import UserError

MODEL_TYPES: Final = ("unigram", "bpe", "char", "word")
ON_BAD: Final = ("error", "skip")
COPY_LANGUAGE: Final = "copy"
"""The suffix of the target files of a copy dataset. Its targets are its sources."""

MAX_SEED: Final = 2**32 - 1
_MIN_COVERAGE: Final = 0.98  # sentencepiece refuses less
VOCAB_SIZE: Final = 8_000
AUTO: Final = "auto"
"""As ``--vocab-size``: :data:`VOCAB_SIZE` pieces, or as many as the text gives if it gives fewer."""
# Options of sentencepiece that are not passed on, and why.
_OWN_OPTIONS: Final = {
    "input": "use --trainpref",
    "model_type": "use --model-type",
    "vocab_size": "use --vocab-size",
    "character_coverage": "use --character-coverage",
    "random_seed": "use --seed",
    **dict.fromkeys(("self_test_sample_size", "enable_differential_privacy"), "its random numbers have no seed"),
    **dict.fromkeys(("model_prefix", "model_writer", "sentence_iterator", "sentence_reader"), "this command sets it"),
    **dict.fromkeys(("num_threads", "input_format", "logstream", "arg"), "this command sets it"),
    **dict.fromkeys(("normalizer", "pretokenizer", "shuffle_input_sentence"), "this command sets it"),
}


@dataclass(frozen=True, kw_only=True)
class TextSpec:
    """A text dataset. The same specification on the same text gives the same bytes.

    :param source_lang: the ending of source files, ``TRAIN.en``.
    :param target_lang: the ending of target files; None for a copy dataset: each target is its source.
    :param train: the train files without their endings.
    :param valid: the same for ``valid``, ``valid1``, ...
    :param test: the same for ``test``, ``test1``, ...
    :param vocab_size: pieces in each model, its special ones included; None stands for :data:`AUTO`.
    :param joined: one model and one dictionary for both languages.
    :param model_type: one of :data:`MODEL_TYPES`.
    :param character_coverage: share of the text's characters that must be in the model.
    :param spm_options: further options of sentencepiece's training, as (key, value).
    :param source_model: a model made before; with ``joined``, the one model.
    :param target_model: a model made before.
    :param on_bad: what bad lines do, one of :data:`ON_BAD`.
    :param seed: of the choice of sentences to train on (``input_sentence_size``).
    :raises UserError: if values are out of bounds or contradict one another.
    """

    source_lang: str
    target_lang: str | None = None
    train: str = ""
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    vocab_size: int | None = VOCAB_SIZE
    joined: bool = False
    model_type: str = "unigram"
    character_coverage: float = 0.9995
    spm_options: tuple[tuple[str, str], ...] = ()
    source_model: Path | None = None
    target_model: Path | None = None
    on_bad: str = "error"
    seed: int = 1

    def __post_init__(self) -> None:
        _check_language("source-lang", self.source_lang)
        if self.target_lang is not None:
            _check_language("target-lang", self.target_lang)
        if self.languages[0] == self.languages[1]:
            raise UserError(
                f"source and target files would both end in {self.source_lang!r}: give two different languages"
            )
        if self.vocab_size is not None and self.vocab_size < 1:
            raise UserError(f"--vocab-size must be at least 1, but is {self.vocab_size}")
        if not 0 <= self.seed <= MAX_SEED:
            raise UserError(f"--seed must be from 0 to {MAX_SEED}, but is {self.seed}")
        if not _MIN_COVERAGE <= self.character_coverage <= 1.0:
            raise UserError(f"--character-coverage must be from {_MIN_COVERAGE} to 1, but is {self.character_coverage}")
        for key, value in self.spm_options:
            if key in _OWN_OPTIONS:
                raise UserError(f"--spm-option {key}={value} is not for sentencepiece: {_OWN_OPTIONS[key]}")
        self._check_models()

    def _check_models(self) -> None:
        if self.one_model and self.target_model is not None:
            raise UserError("one model serves both sides here: give it with --model alone")
        if not self.one_model and (self.source_model is None) != (self.target_model is None):
            raise UserError("--source-model and --target-model belong together: give both or none")
        trained = {"vocab_size": "--vocab-size", "model_type": "--model-type", "spm_options": "--spm-option"}
        trained["character_coverage"] = "--character-coverage"
        for name, option in trained.items():
            if self.has_models and getattr(self, name) != getattr(TextSpec, name):
                raise UserError(f"{option} is for models that are trained here: leave it out, or leave out the models")

    @property
    def languages(self) -> tuple[str, str]:
        """The suffixes of source and target files in the dataset."""
        return self.source_lang, COPY_LANGUAGE if self.target_lang is None else self.target_lang

    @property
    def one_model(self) -> bool:
        """True if source and target share their model and dictionary."""
        return self.joined or self.target_lang is None

    @property
    def has_models(self) -> bool:
        """True if the models are there already."""
        return self.source_model is not None

    @property
    def splits(self) -> dict[str, str]:
        """Input files without their endings, by the name of their split."""
        held_out = (("valid", self.valid), ("test", self.test))
        numbered = {
            f"{split}{number or ''}": prefix for split, prefixes in held_out for number, prefix in enumerate(prefixes)
        }
        return {"train": self.train, **numbered}


def _check_language(option: str, language: str) -> None:
    # fairseq takes the names of its files apart at dots and hyphens.
    if not re.fullmatch(r"[A-Za-z0-9_]+", language):
        raise UserError(
            f"--{option} must be letters, digits and _ only, but is {language!r}: "
            "rename the files (zh_CN instead of zh-CN)"
        )
