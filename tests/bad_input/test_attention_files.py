"""attention_stats.py, view_attention.py and plot_attention.py: damaged files, options that contradict one another."""

from pathlib import Path

import pytest

from tests.bad_input.case import Case, check
from tests.commands import Commands

FILES = {
    **{
        f"{kind} {name}": Case(f"attention_stats.py {{bad}}/{kind}.{name}", "X")
        for kind in ()
        for name in ()
    },
    "axes, npz": Case("attention_stats.py {bad}/axes.npz", "X"),
    "pickled objects, npz": Case("attention_stats.py {bad}/object.npz", "X"),
    "token out of range, npz": Case("view_attention.py {bad}/outside.npz -o {out}/a.html", "X"),
    "negative offsets, npz": Case("attention_stats.py {bad}/negative.npz", "X"),
    "other arrays, npz": Case("attention_stats.py {bad}/other.npz", "X"),
    "absurd size, npz": Case("attention_stats.py {bad}/absurd.npz", "X"),
    "absurd header, safetensors": Case("attention_stats.py {bad}/absurd.safetensors", "X"),
    "tensor beyond the end, safetensors": Case("attention_stats.py {bad}/hostile.safetensors", "X"),
    "ragged, jsonl": Case("plot_attention.py {bad}/ragged.jsonl --output {out}/a.png", "X"),
    "source x target, jsonl": Case("attention_stats.py {bad}/turned.jsonl", "X"),
    "axes, jsonl": Case("view_attention.py {bad}/axes.jsonl -o {out}/a.html", "X"),
    "text for numbers, jsonl": Case("attention_stats.py {bad}/text.jsonl", "X"),
    "negative id, jsonl": Case("attention_stats.py {bad}/negative.jsonl", "X"),
    "absurd id, jsonl": Case("attention_stats.py {bad}/huge.jsonl", "X"),
    "half a character, jsonl": Case("view_attention.py {bad}/surrogate.jsonl -o {out}/a.html", "X"),
    "no softmax, jsonl": Case("attention_stats.py {bad}/unnormalised.jsonl", "X"),
    "no softmax in a page": Case("view_attention.py {bad}/unnormalised.jsonl -o {out}/a.html", "X"),
    "deep, jsonl": Case("attention_stats.py {bad}/deep.jsonl", "X"),
    "deep, bertviz": Case("attention_stats.py {bad}/deep.bertviz", "X"),
    "ten thousand digits, jsonl": Case("attention_stats.py {bad}/digits.jsonl", "X"),
    "out of order, jsonl": Case("attention_stats.py {bad}/order.jsonl", "X"),
    "ragged, marian": Case("attention_stats.py {bad}/ragged.marian", "X"),
    "absurd size, nematus": Case("attention_stats.py {bad}/absurd.nematus", "X"),
}

OPTIONS = {
    "stats, no file": Case("attention_stats.py {bad}/none.npz", "X"),
    "stats, unknown ending": Case("attention_stats.py {bad}/text.en", "X"),
    "stats, a folder": Case("attention_stats.py {bad}", "X"),
    "stats, pairs alone": Case("attention_stats.py {bad}/a.pharaoh", "X"),
    "stats, over its input": Case("attention_stats.py {bad}/good.npz --json {bad}/good.npz", "X"),
    "stats, no folder to write to": Case("attention_stats.py {bad}/good.npz --json {out}/none/a.json", "X"),
    "stats, gold missing": Case("attention_stats.py {bad}/good.npz --gold {bad}/none", "X"),
    "stats, gold binary": Case("attention_stats.py {bad}/good.npz --gold {bad}/binary", "X"),
    "stats, gold empty": Case("attention_stats.py {bad}/good.npz --gold {bad}/empty", "X"),
    "view, no page": Case("view_attention.py {bad}/good.npz -o {out}/a.png", "X"),
    "view, none shown": Case("view_attention.py {bad}/good.npz -o {out}/a.html --limit 0", "X"),
    "plot, no picture": Case("plot_attention.py {bad}/good.npz --output {out}/a.txt", "X"),
    "plot, no sentence": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --id 7", "X"),
    "plot, negative sentence": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --id -1", "X"),
    "plot, no rank": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --rank 3", "X"),
    "plot, no numbers": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --ids a,b", "X"),
    "plot, all as a picture": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --all", "X"),
    "plot, columns of one": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --columns 2", "X"),
    "plot, no columns": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --ids 0 --columns 0", "X"),
    "plot, no colours": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --cmap nosuch", "X"),
    "plot, colours turned": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --vmin 2", "X"),
    "plot, colours from nan": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --vmin nan", "X"),
    "plot, panels of one": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --panels 3", "X"),
    "plot, unknown option": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --nosuch", "X"),
    "plot, compared with nothing": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --compare {bad}/none.npz", "X"
    ),
    "evolution, no folder": Case("plot_attention.py {data} --evolution {bad}/none --output {out}/a.png", "X"),
    "evolution, no checkpoint": Case("plot_attention.py {data} --evolution {bad} --output {out}/a.png", "X"),
    "evolution, of a file": Case("plot_attention.py {bad}/good.npz --evolution {bad} --output {out}/a.png", "X"),
    "evolution, of all": Case("plot_attention.py {data} --evolution {bad} --output {out}/a.pdf --all", "X"),
}


@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_files(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@pytest.mark.parametrize("case", OPTIONS.values(), ids=OPTIONS.keys())
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
