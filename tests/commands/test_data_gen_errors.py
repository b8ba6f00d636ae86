"""``python -m data_gen``: bad options, bad text, and folders that are in use."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

COPY = {
    "python -m data_gen": "the following arguments are required: {{copy,text}}[..]",
    "python -m data_gen copy {out}/d --num-symbols -5": "--num-symbols must be from 1 to 1000000, but is -5[..]",
    "python -m data_gen copy {bad}/manifest-binary --overwrite": "'{bad}/manifest-binary' holds no valid manifest.json, so --overwrite leaves it alone[..]",
}
SLOW_COPY = {
    "python -m data_gen copy {bad}/manifest-cut --overwrite": "'{bad}/manifest-cut' holds no valid manifest.json, so --overwrite leaves it alone[..]"
}

TEXT = {
    "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/none": "no file '{bad}/none.en', which --trainpref {bad}/none asks for[..]",
    "python -m data_gen text {out}/d --source-lang empty --trainpref {bad}/text": "'{bad}/text.empty' has no lines[..]",
    "python -m data_gen text {out}/d --source-lang binary --trainpref {bad}/text": "bad lines in '{bad}/text.binary': 1 invalid UTF-8 (line 2)[..]",
    "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text": "--vocab-size 8000 is more than the text of '{bad}/text.en' gives[..]",
    "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/binary": "'{bad}/binary' is not a sentencepiece model[..]",
}
SLOW_TEXT = {
    "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/empty": "'{bad}/empty' is not a sentencepiece model[..]"
}


@table(COPY, SLOW_COPY)
def test_copy(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(TEXT, SLOW_TEXT)
def test_text(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
