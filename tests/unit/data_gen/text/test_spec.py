"""Option values that make no sense are refused in one line."""

from pathlib import Path
from typing import Any

import pytest

from data_gen.text.spec import TextSpec
from tests.support.errors import message_of


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"source_lang": "zh-CN"},
            "--source-lang must be letters, digits and _ only, but is 'zh-CN': rename the files (zh_CN instead of "
            "zh-CN)",
        ),
        (
            {"target_lang": "a.b"},
            "--target-lang must be letters, digits and _ only, but is 'a.b': rename the files (zh_CN instead of zh-CN)",
        ),
        ({"target_lang": "en"}, "source and target files would both end in 'en': give two different languages"),
        ({"source_lang": "copy"}, "source and target files would both end in 'copy': give two different languages"),
        ({"vocab_size": 0}, "--vocab-size must be at least 1, but is 0"),
        ({"seed": -1}, "--seed must be from 0 to 4294967295, but is -1"),
        ({"character_coverage": 0.9}, "--character-coverage must be from 0.98 to 1, but is 0.9"),
        (
            {"spm_options": (("vocab_size", "3"),)},
            "--spm-option vocab_size=3 is not for sentencepiece: use --vocab-size",
        ),
        (
            {"spm_options": (("num_threads", "3"),)},
            "--spm-option num_threads=3 is not for sentencepiece: this command sets it",
        ),
        (
            {"target_lang": "ko", "source_model": Path("m")},
            "--source-model and --target-model belong together: give both or none",
        ),
        (
            {"joined": True, "source_model": Path("m"), "target_model": Path("n")},
            "one model serves both sides here: give it with --model alone",
        ),
        (
            {"source_model": Path("m"), "vocab_size": 9},
            "--vocab-size is for models that are trained here: leave it out, or leave out the models",
        ),
        (
            {"source_model": Path("m"), "spm_options": (("a", "b"),)},
            "--spm-option is for models that are trained here: leave it out, or leave out the models",
        ),
    ],
)
def test_bad_values(values: dict[str, Any], message: str) -> None:
    assert message_of(TextSpec, **{"source_lang": "en", **values}) == message


def test_splits_are_numbered_as_fairseq_numbers_them() -> None:
    spec = TextSpec(source_lang="en", train="a", valid=("b",), test=("c", "d", "e"))
    assert spec.splits == {"train": "a", "valid": "b", "test": "c", "test1": "d", "test2": "e"}


def test_a_copy_has_one_model_and_a_target_named_copy() -> None:
    spec = TextSpec(source_lang="en")
    assert (spec.languages, spec.one_model) == (("en", "copy"), True)
    assert not TextSpec(source_lang="en", target_lang="ko").one_model
    assert TextSpec(source_lang="en", target_lang="ko", joined=True).one_model
