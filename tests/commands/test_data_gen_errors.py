"""``python -m data_gen``: bad options, bad text, and folders that are in use."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

COPY = {
    "no route": Case(
        "python -m data_gen",
        "data_gen: error: the following arguments are required: ROUTE (`python -m data_gen --help` lists what there is)",
    ),
    "unknown option": Case(
        "python -m data_gen copy {out}/d --nosuch",
        "data_gen: error: unrecognized arguments: --nosuch (`python -m data_gen --help` lists what there is)",
    ),
    "no whole number": Case(
        "python -m data_gen copy {out}/d --train many",
        "data_gen: error: argument --train: invalid int value: 'many' (`python -m data_gen copy --help` lists what there is)",
    ),
    "none": Case(
        "python -m data_gen copy {out}/d --num-symbols 0",
        "data_gen: error: --num-symbols must be from 1 to 1000000, but is 0",
        slow=True,
    ),
    "negative": Case(
        "python -m data_gen copy {out}/d --num-symbols -5",
        "data_gen: error: --num-symbols must be from 1 to 1000000, but is -5",
    ),
    "absurd": Case(
        "python -m data_gen copy {out}/d --train 99999999999999999999",
        "data_gen: error: --train must be from 1 to 1000000000, but is 99999999999999999999",
    ),
    "shortest above longest": Case(
        "python -m data_gen copy {out}/d --min-len 5 --max-len 3",
        "data_gen: error: --max-len must be at least --min-len (5), but is 3",
    ),
    "unknown word": Case(
        "python -m data_gen copy {out}/d --transform swap",
        "data_gen: error: --transform must be copy, reverse, sort, shift:K, repeat:N or duplicate, but is 'swap'",
    ),
    "no lengths": Case(
        "python -m data_gen copy {out}/d --test-lengths 8,x",
        "data_gen: error: --test-lengths must be whole numbers with commas between, such as 8,10,15, or none, but is '8,x'",
    ),
    "contradiction": Case(
        "python -m data_gen copy {out}/d --unique --max-len 9",
        "data_gen: error: --unique needs at least as many symbols as the longest sequence has (9), but --num-symbols is 8",
    ),
    "no such shard": Case(
        "python -m data_gen copy {out}/d --train 200000 --shards 2 --shard-id 2",
        "data_gen: error: --shard-id must be from 0 to 1, but is 2",
        slow=True,
    ),
    "no shards": Case(
        "python -m data_gen copy {out}/d --shards 0",
        "data_gen: error: --shards must be from 1 to 1, but is 0: a shard holds whole blocks of 65536 sequences, and train has 1",
        slow=True,
    ),
    "shard of nothing": Case(
        "python -m data_gen copy {out}/d --shard-id 1",
        "data_gen: error: --shard-id 1 needs --shards, which says how many shards there are",
    ),
    "text of nothing": Case(
        "python -m data_gen copy {out}/d --online --text",
        "data_gen: error: --online writes no sequences, so it does not go with --text: leave one of them out",
        slow=True,
    ),
    "absurd epoch": Case(
        "python -m data_gen copy {out}/d --online --train 100000000",
        "data_gen: error: --train 100000000 is too much for --online, which keeps an epoch in memory: it may take 6867 MiB, and there is room for 512; use a smaller --train; every epoch is new data, so train for more epochs instead",
    ),
    "a file": Case(
        "python -m data_gen copy {bad}/empty", "data_gen: error: '{bad}/empty' is a file: give the name of a folder"
    ),
    "a folder of other things": Case(
        "python -m data_gen copy {bad}", "data_gen: error: '{bad}' is not empty, and no dataset: choose another folder"
    ),
    "below a file": Case(
        "python -m data_gen copy {bad}/empty/d",
        "data_gen: error: '{bad}/empty/d' cannot be made: '{bad}/empty' is a file, not a folder; choose another folder",
        slow=True,
    ),
    "in use": Case(
        "python -m data_gen copy {data}",
        "data_gen: error: '{data}' is not empty: choose another folder, or add --overwrite to replace the dataset in it",
    ),
    "not ours": Case(
        "python -m data_gen copy {bad} --overwrite",
        "data_gen: error: '{bad}' holds no manifest.json, so --overwrite leaves it alone: choose another folder, or delete this one yourself",
    ),
    "manifest is binary": Case(
        "python -m data_gen copy {bad}/manifest-binary --overwrite",
        "data_gen: error: '{bad}/manifest-binary' holds no valid manifest.json, so --overwrite leaves it alone: choose another folder, or delete this one yourself",
    ),
    "manifest is cut short": Case(
        "python -m data_gen copy {bad}/manifest-cut --overwrite",
        "data_gen: error: '{bad}/manifest-cut' holds no valid manifest.json, so --overwrite leaves it alone: choose another folder, or delete this one yourself",
        slow=True,
    ),
    "shards are of other data": Case(
        "python -m data_gen copy {shards} --shards 2 --train 70000",
        "data_gen: error: '{shards}/shard0' was made with another --num-symbols (4, not 8): choose another folder, or make every shard again with --overwrite",
    ),
}

TEXT = {
    "no file": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/none",
        "data_gen: error: no file '{bad}/none.en', which --trainpref {bad}/none asks for: check the path and the language",
    ),
    "a folder": Case(
        "python -m data_gen text {out}/d --source-lang folder --trainpref {bad}/text",
        "data_gen: error: '{bad}/text.folder' is a folder: --trainpref {bad}/text must name text files, without their endings",
    ),
    "empty": Case(
        "python -m data_gen text {out}/d --source-lang empty --trainpref {bad}/text",
        "data_gen: error: '{bad}/text.empty' has no lines: give a file with at least one sentence",
    ),
    "binary": Case(
        "python -m data_gen text {out}/d --source-lang binary --trainpref {bad}/text",
        "data_gen: error: bad lines in '{bad}/text.binary': 1 invalid UTF-8 (line 2): mend them, or add --on-bad skip to leave these pairs out",
    ),
    "unequal": Case(
        "python -m data_gen text {out}/d --source-lang en --target-lang long --trainpref {bad}/text",
        "data_gen: error: number of lines: '{bad}/text.en' has 2, but '{bad}/text.long' has 3: each line must be the translation of the line with its number",
    ),
    "one language": Case(
        "python -m data_gen text {out}/d --source-lang en --target-lang en --trainpref {bad}/text",
        "data_gen: error: source and target files would both end in 'en': give two different languages",
    ),
    "a path for a language": Case(
        "python -m data_gen text {out}/d --source-lang ../en --trainpref {bad}/text",
        "data_gen: error: --source-lang must be letters, digits and _ only, but is '../en': rename the files (zh_CN instead of zh-CN)",
        slow=True,
    ),
    "no pieces": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --vocab-size 0",
        "data_gen: error: --vocab-size must be at least 1, but is 0",
        slow=True,
    ),
    "too many pieces": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text",
        "data_gen: error: --vocab-size 8000 is more than the text of '{bad}/text.en' gives: choose at most 9",
    ),
    "option without value": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --spm-option x",
        "data_gen: error: --spm-option must be KEY=VALUE, but is 'x'",
    ),
    "no such model": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/none.model",
        "data_gen: error: no sentencepiece model at '{bad}/none.model': check the path",
        slow=True,
    ),
    "model is binary": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/binary",
        "data_gen: error: '{bad}/binary' is not a sentencepiece model: give a file that sentencepiece trained (.model)",
    ),
    "model is empty": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/empty",
        "data_gen: error: '{bad}/empty' is not a sentencepiece model: give a file that sentencepiece trained (.model)",
        slow=True,
    ),
    "two models for one": Case(
        "python -m data_gen text {out}/d --source-lang en --trainpref {bad}/text --model {bad}/a --source-model {bad}/b",
        "data_gen: error: --model serves both sides: leave out --source-model and --target-model",
        slow=True,
    ),
}


@table(COPY)
def test_copy(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(TEXT)
def test_text(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
