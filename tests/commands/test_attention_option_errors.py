"""attention_stats.py, view_attention.py and plot_attention.py: options that make no sense, alone or together."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

OPTIONS = {
    "plot_attention.py {bad}/good.npz --output {out}/a.png --path {good}": "--path {good} without --text or --input: an attention file needs no model",
    "plot_attention.py {data} --output {out}/a.png --text a": "--text and --input decode sentences with a model: name the model that reads the sentences with --path",
    "plot_attention.py {bad}/good.npz --output {out}/a.png --text a --path {good}": "--text and --input decode sentences with a model: give the dataset folder in place of '{bad}/good.npz'",
    "plot_attention.py {bad}/good.npz --output {out}/a.png --text a": "--text and --input decode sentences with a model: give the dataset folder in place of '{bad}/good.npz', and name the model that reads the sentences with --path",
    "plot_attention.py {data} --output {out}/a.pdf --text a --path {good} --all": "--all with --text or --input, which draw your own sentences: leave one of them out",
    "plot_attention.py {bad}/good.npz --output {out}/a.png --merge bpe": "--merge bpe without --text or --input: give it to extract_attention.py",
    "plot_attention.py {data} --output {out}/a.png --text a --path {good} --merge x": "no way to merge subwords called 'x'[..]",
    "plot_attention.py {data} --output {out}/a.png": "'{data}' is a folder: give an attention file, or draw your own sentence with --path and --text",
    "attention_stats.py {bad}/none.npz": "no attention file '{bad}/none.npz'[..]",
    "attention_stats.py {bad}/good.npz --json {out}/none/a.json": "folder '{out}/none' does not exist[..]",
    "attention_stats.py {bad}/good.npz --gold-first 1": "--gold-first 1 without --gold, which it belongs to: leave it out",
    "attention_stats.py {bad}/good.npz --gold {bad}/binary": "'{bad}/binary' line 1: '\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08' is no link[..]",
    "view_attention.py {bad}/good.npz -o {out}/a.png": "page '{out}/a.png' must end in .html[..]",
    "plot_attention.py {bad}/good.npz --output {out}/a.png --id 7": "no sentence 7 in '{bad}/good.npz': choose one of its 1[..]",
    "plot_attention.py {bad}/good.npz --output {out}/a.png --nosuch": "unrecognized arguments: --nosuch (`python scripts/plot_attention.py --help` lists the options)",
    "plot_attention.py {data} --evolution {bad}/none --output {out}/a.png": "no folder '{bad}/none'[..]",
}
SLOW_OPTIONS = {
    "attention_stats.py {bad}": "'{bad}' is a folder: name an attention file",
}


@table(OPTIONS, SLOW_OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
