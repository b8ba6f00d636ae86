"""The commands that measure, study and draw for the documents: bad options, bad configurations, wrong places."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

LENGTHS = {
    "no configuration": Case(
        "python -m scripts.length_study --folder {out}/s",
        "length_study: error: one of the arguments config --smoke is required",
    ),
    "two configurations": Case(
        "python -m scripts.length_study {bad}/good.yaml --smoke --folder {out}/s",
        "length_study: error: argument --smoke: not allowed with argument config",
        slow=True,
    ),
    "missing": Case(
        "python -m scripts.length_study {bad}/none.yaml --folder {out}/s",
        "length_study: error: cannot read '{bad}/none.yaml': No such file or directory",
        slow=True,
    ),
    "empty": Case(
        "python -m scripts.length_study {bad}/empty --folder {out}/s",
        "length_study: error: '{bad}/empty': data must be words of a command line, but is None",
    ),
    "binary": Case(
        "python -m scripts.length_study {bad}/binary --folder {out}/s",
        "length_study: error: cannot read '{bad}/binary' as YAML: 'utf-8' codec can't decode byte 0x80 in position 128: invalid start byte",
        slow=True,
    ),
    "a list": Case(
        "python -m scripts.length_study {bad}/list.yaml --folder {out}/s",
        "length_study: error: '{bad}/list.yaml' has no entries; scripts/lengths/summary.yaml is an example",
        slow=True,
    ),
    "no YAML": Case(
        "python -m scripts.length_study {bad}/open.yaml --folder {out}/s",
        "length_study: error: cannot read '{bad}/open.yaml' as YAML: while parsing a flow sequence",
        slow=True,
    ),
    "a Python object": Case(
        "python -m scripts.length_study {bad}/object.yaml --folder {out}/s",
        "length_study: error: cannot read '{bad}/object.yaml' as YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "refers to nothing": Case(
        "python -m scripts.length_study {bad}/reference.yaml --folder {out}/s",
        "length_study: error: '{bad}/reference.yaml': beam must be a whole number of at least 1, but is '${{nowhere}}'",
        slow=True,
    ),
    "folder in use": Case(
        "python -m scripts.length_study {bad}/good.yaml --folder {data}",
        "length_study: error: '{data}' holds something else: name another folder with --folder",
    ),
    "document without markers": Case(
        "python -m scripts.length_study {bad}/good.yaml --folder {out}/s --update {bad}/text.en",
        "length_study: error: '{bad}/text.en' has no place for the good: write <!-- good:begin --> and <!-- good:end --> once each, in this order",
    ),
}

OTHERS = {
    "benchmark, unknown row": Case(
        "python -m scripts.benchmark --rows nosuch",
        "benchmark: error: argument --rows: invalid choice: 'nosuch' (choose from [..])",
        slow=True,
    ),
    "benchmark, document without markers": Case(
        "python -m scripts.benchmark --update {bad}/text.en",
        "benchmark: error: '{bad}/text.en' has no place for the speed: write <!-- speed:begin --> and <!-- speed:end --> once each, in this order",
    ),
    "translation, no corpus": Case(
        "python -m scripts.translation_study --update {bad}/marked.md",
        "translation_study: error: one of the arguments --corpus --smoke is required",
        slow=True,
    ),
    "translation, negative updates": Case(
        "python -m scripts.translation_study --smoke --update {bad}/marked.md --updates -1 --folder {out}/s",
        "translation_study: error: --updates must be at least 1, but is -1",
    ),
    "parameters, document without markers": Case(
        "python -m scripts.parameter_table --update {bad}/text.en",
        "parameter_table.py: error: '{bad}/text.en' has no place for the parameters: write <!-- parameters:begin --> and <!-- parameters:end --> once each, in this order",
    ),
    "gallery, unknown option": Case(
        "python -m scripts.gallery --nosuch", "gallery: error: unrecognized arguments: --nosuch"
    ),
    "results, negative seed": Case(
        "results_table.py {out}/r --seeds -1",
        "results_table.py: error: --seeds must differ and be at least 0, but are -1",
    ),
    "profile, no epochs": Case(
        "profile_training.py --epochs 0",
        "profile_training.py: error: --epochs must be at least 1, but is 0",
        slow=True,
    ),
    "profile, document without markers": Case(
        "profile_training.py --update {bad}/text.en",
        "profile_training.py: error: '{bad}/text.en' has no place for the profile: write <!-- profile:begin --> and <!-- profile:end --> once each, in this order",
    ),
}


@table(LENGTHS)
def test_length_study(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(OTHERS)
def test_others(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
