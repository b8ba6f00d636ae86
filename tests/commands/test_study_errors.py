"""The commands that measure, study and draw for the documents: bad options, bad configurations, wrong places."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

LENGTHS = {
    "python -m scripts.length_study --folder {out}/s": "one of the arguments config --smoke is required (`python -m scripts.length_study --help` lists the options)",
    "python -m scripts.length_study {bad}/empty --folder {out}/s": "'{bad}/empty': data must be words of a command line, but is None",
    "python -m scripts.length_study {bad}/object.yaml --folder {out}/s": "cannot read '{bad}/object.yaml' as YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    "python -m scripts.length_study {bad}/good.yaml --folder {data}": "'{data}' holds something else[..]",
    "python -m scripts.length_study {bad}/good.yaml --folder {out}/s --update {bad}/text.en": "'{bad}/text.en' has no place for the good[..]",
}
SLOW_LENGTHS = {
    "python -m scripts.length_study {bad}/good.yaml --smoke --folder {out}/s": "argument --smoke: not allowed with argument config (`python -m scripts.length_study --help` lists the options)",
    "python -m scripts.length_study {bad}/none.yaml --folder {out}/s": "cannot read '{bad}/none.yaml': No such file or directory",
    "python -m scripts.length_study {bad}/binary --folder {out}/s": "cannot read '{bad}/binary' as YAML: 'utf-8' codec can't decode byte 0x80 in position 128: invalid start byte",
    "python -m scripts.length_study {bad}/list.yaml --folder {out}/s": "'{bad}/list.yaml' has no entries; scripts/lengths/summary.yaml is an example",
    "python -m scripts.length_study {bad}/open.yaml --folder {out}/s": "cannot read '{bad}/open.yaml' as YAML: while parsing a flow sequence",
    "python -m scripts.length_study {bad}/reference.yaml --folder {out}/s": "'{bad}/reference.yaml': beam must be a whole number[..]",
}

OTHERS = {
    "python -m scripts.benchmark --update {bad}/text.en": "'{bad}/text.en' has no place for the speed[..]",
    "python -m scripts.translation_study --smoke --update {bad}/marked.md --updates -1 --folder {out}/s": "--updates must be at least 1, but is -1",
    "python -m scripts.gallery --nosuch": "unrecognized arguments: --nosuch (`python -m scripts.gallery --help` lists the options)",
    "results_table.py {out}/r --seeds -1": "--seeds must differ[..]",
    "profile_training.py --update {bad}/text.en": "'{bad}/text.en' has no place for the profile[..]",
    "parameters, document without markers": Case(
        "python -m scripts.parameter_table --update {bad}/text.en",
        "parameter_table.py: error: '{bad}/text.en' has no place for the parameters[..]",
    ),
}
SLOW_OTHERS = {
    "python -m scripts.benchmark --rows nosuch": "argument --rows: invalid choice: 'nosuch' (choose from [..]) (`python -m scripts.benchmark --help` lists the options)",
    "python -m scripts.translation_study --update {bad}/marked.md": "one of the arguments --corpus --smoke is required (`python -m scripts.translation_study --help` lists the options)",
    "profile_training.py --epochs 0": "--epochs must be at least 1, but is 0",
}


@table(LENGTHS, SLOW_LENGTHS)
def test_length_study(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(OTHERS, SLOW_OTHERS)
def test_others(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
