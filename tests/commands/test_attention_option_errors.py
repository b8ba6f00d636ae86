"""attention_stats.py, view_attention.py and plot_attention.py: options that make no sense, alone or together."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

OPTIONS = {
    "stats, no file": Case(
        "attention_stats.py {bad}/none.npz",
        "attention_stats.py: error: no attention file '{bad}/none.npz': extract it first",
    ),
    "stats, unknown ending": Case(
        "attention_stats.py {bad}/text.en",
        "attention_stats.py: error: attention file '{bad}/text.en' must end in .npz, .safetensors, .jsonl, .bertviz, .nematus, .fairseq, .marian or .pharaoh",
    ),
    "stats, a folder": Case(
        "attention_stats.py {bad}",
        "attention_stats.py: error: '{bad}' is a folder: name an attention file",
        slow=True,
    ),
    "stats, pairs alone": Case(
        "attention_stats.py {bad}/a.pharaoh",
        "attention_stats.py: error: '{bad}/a.pharaoh' holds alignment pairs without tokens and weights: give .npz or .jsonl",
        slow=True,
    ),
    "stats, over its input": Case(
        "attention_stats.py {bad}/good.npz --json {bad}/good.npz",
        "attention_stats.py: error: --json '{bad}/good.npz' would replace what is read: choose another name",
    ),
    "stats, no folder to write to": Case(
        "attention_stats.py {bad}/good.npz --json {out}/none/a.json",
        "attention_stats.py: error: folder '{out}/none' does not exist: make it, or choose another place for 'a.json'",
    ),
    "stats, gold missing": Case(
        "attention_stats.py {bad}/good.npz --gold {bad}/none",
        "attention_stats.py: error: no gold alignments '{bad}/none': give a file with a line of links i-j a sentence",
        slow=True,
    ),
    "stats, gold binary": Case(
        "attention_stats.py {bad}/good.npz --gold {bad}/binary",
        "attention_stats.py: error: '{bad}/binary' line 1: '\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08' is no link: write i-j if it is sure, ipj or i?j if it is possible",
    ),
    "stats, gold empty": Case(
        "attention_stats.py {bad}/good.npz --gold {bad}/empty",
        "attention_stats.py: error: '{bad}/empty' has 0 lines for 1 sentences with ids 0 to 0: give one line a sentence, in the order of the corpus, and attention of the whole corpus",
        slow=True,
    ),
    "view, no page": Case(
        "view_attention.py {bad}/good.npz -o {out}/a.png",
        "view_attention.py: error: page '{out}/a.png' must end in .html or .htm",
    ),
    "view, none shown": Case(
        "view_attention.py {bad}/good.npz -o {out}/a.html --limit 0",
        "view_attention.py: error: --limit must be at least 1, but is 0",
        slow=True,
    ),
    "plot, no picture": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.txt",
        "plot_attention.py: error: picture '{out}/a.txt' must end in .png, .pdf or .svg",
        slow=True,
    ),
    "plot, no sentence": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --id 7",
        "plot_attention.py: error: no sentence 7 in '{bad}/good.npz', which has 1 from 0 to 0",
    ),
    "plot, negative sentence": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --id -1",
        "plot_attention.py: error: no sentence -1 in '{bad}/good.npz', which has 1 from 0 to 0",
        slow=True,
    ),
    "plot, no rank": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --rank 3",
        "plot_attention.py: error: sentence 0 in '{bad}/good.npz' has no rank 3: it has 0",
        slow=True,
    ),
    "plot, no numbers": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --ids a,b",
        "plot_attention.py: error: argument --ids: 'a,b' must be numbers of sentences, as in 0,3,7",
    ),
    "plot, all as a picture": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --all",
        "plot_attention.py: error: pages cannot be written to '{out}/a.png': give a path that ends in .pdf",
    ),
    "plot, columns of one": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --columns 2",
        "plot_attention.py: error: --columns 2 without --ids or --compare: there is one heatmap",
        slow=True,
    ),
    "plot, no columns": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --ids 0 --columns 0",
        "plot_attention.py: error: a grid needs at least 1 column, but is given 0",
        slow=True,
    ),
    "plot, no colours": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --cmap nosuch",
        "plot_attention.py: error: unknown colour map 'nosuch': use viridis, cividis, magma, Greys or another of matplotlib's",
        slow=True,
    ),
    "plot, colours turned": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --vmin 2",
        "plot_attention.py: error: colours from 2.0 to 1.0 are no range: vmin must be less than vmax",
    ),
    "plot, colours from nan": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --vmin nan",
        "plot_attention.py: error: colours from nan to 1.0 are no range: vmin must be less than vmax",
        slow=True,
    ),
    "plot, panels of one": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --panels 3",
        "plot_attention.py: error: --panels 3 without --evolution: it is for a sentence over a training",
        slow=True,
    ),
    "plot, unknown option": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --nosuch",
        "plot_attention.py: error: unrecognized arguments: --nosuch",
    ),
    "plot, compared with nothing": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --compare {bad}/none.npz",
        "plot_attention.py: error: no attention file '{bad}/none.npz': extract it first",
        slow=True,
    ),
    "evolution, no folder": Case(
        "plot_attention.py {data} --evolution {bad}/none --output {out}/a.png",
        "plot_attention.py: error: no folder '{bad}/none': give the --save-dir of a training",
    ),
    "evolution, no checkpoint": Case(
        "plot_attention.py {data} --evolution {bad} --output {out}/a.png",
        "plot_attention.py: error: no checkpoint of an epoch or an update in '{bad}': train without --no-epoch-checkpoints, or with --save-interval-updates",
        slow=True,
    ),
    "evolution, of a file": Case(
        "plot_attention.py {bad}/good.npz --evolution {bad} --output {out}/a.png",
        "plot_attention.py: error: --evolution reads a dataset: give its folder in place of '{bad}/good.npz'",
        slow=True,
    ),
    "evolution, of all": Case(
        "plot_attention.py {data} --evolution {bad} --output {out}/a.pdf --all",
        "plot_attention.py: error: --all with --evolution, which draws one sentence and its reference: give --id alone",
        slow=True,
    ),
}


@table(OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
