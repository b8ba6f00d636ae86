"""attention_stats.py, view_attention.py and plot_attention.py: damaged files, options that contradict one another."""

from pathlib import Path

from tests.bad_input.case import Case, check, table
from tests.commands import Commands

FILES = {
    "empty, npz": Case("attention_stats.py {bad}/empty.npz", "attention_stats.py: error: '{bad}/empty.npz': not an .npz file, or cut short (no zip archive): write it again"),
    "empty, safetensors": Case("attention_stats.py {bad}/empty.safetensors", "attention_stats.py: error: '{bad}/empty.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too small): write it again"),
    "empty, jsonl": Case("attention_stats.py {bad}/empty.jsonl", "attention_stats.py: error: '{bad}/empty.jsonl' holds no sentence with rank 0: extract attention again"),
    "empty, bertviz": Case("attention_stats.py {bad}/empty.bertviz", "attention_stats.py: error: '{bad}/empty.bertviz': not a JSON array, or cut short: write it again"),
    "empty, nematus": Case("attention_stats.py {bad}/empty.nematus", "attention_stats.py: error: '{bad}/empty.nematus' holds no sentence with rank 0: extract attention again"),
    "empty, fairseq": Case("attention_stats.py {bad}/empty.fairseq", "attention_stats.py: error: '{bad}/empty.fairseq': no line A-...: let fairseq-generate print with --print-alignment soft"),
    "empty, marian": Case("attention_stats.py {bad}/empty.marian", "attention_stats.py: error: '{bad}/empty.marian' holds no sentence with rank 0: extract attention again"),
    "binary, npz": Case("attention_stats.py {bad}/binary.npz", "attention_stats.py: error: '{bad}/binary.npz': not an .npz file, or cut short (no zip archive): write it again"),
    "binary, safetensors": Case("attention_stats.py {bad}/binary.safetensors", "attention_stats.py: error: '{bad}/binary.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again"),
    "binary, jsonl": Case("attention_stats.py {bad}/binary.jsonl", "attention_stats.py: error: '{bad}/binary.jsonl': line 1: not a JSON object: is this an attention file?"),
    "binary, bertviz": Case("attention_stats.py {bad}/binary.bertviz", "attention_stats.py: error: '{bad}/binary.bertviz': not a JSON array, or cut short: write it again"),
    "binary, nematus": Case("attention_stats.py {bad}/binary.nematus", "attention_stats.py: error: '{bad}/binary.nematus': block at line 1: its first line is not 'id ||| translation ||| score ||| source ||| S T'"),
    "binary, fairseq": Case("attention_stats.py {bad}/binary.fairseq", "attention_stats.py: error: '{bad}/binary.fairseq': line 2: not UTF-8 text: is this an attention file?"),
    "binary, marian": Case("attention_stats.py {bad}/binary.marian", "attention_stats.py: error: '{bad}/binary.marian': line 1: not of the form 'translation ||| weights': let Marian print with --alignment soft"),
    "cut short, npz": Case("attention_stats.py {bad}/cut.npz", "attention_stats.py: error: '{bad}/cut.npz': not an .npz file, or cut short (File is not a zip file): write it again"),
    "cut short, safetensors": Case("attention_stats.py {bad}/cut.safetensors", "attention_stats.py: error: '{bad}/cut.safetensors': not a .safetensors file, or cut short (Error while deserializing header: invalid header length): write it again"),
    "cut short, jsonl": Case("attention_stats.py {bad}/cut.jsonl", "attention_stats.py: error: '{bad}/cut.jsonl': line 1: not a JSON object; the file ends in the middle of this line: write it again"),
    "cut short, bertviz": Case("attention_stats.py {bad}/cut.bertviz", "attention_stats.py: error: '{bad}/cut.bertviz': not a JSON array, or cut short: write it again"),
    "cut short, nematus": Case("attention_stats.py {bad}/cut.nematus", "attention_stats.py: error: '{bad}/cut.nematus': block at line 1: the file ends after 1 of 2 rows: write it again"),
    "cut short, fairseq": Case("attention_stats.py {bad}/cut.fairseq", "attention_stats.py: error: '{bad}/cut.fairseq': line 3: S-0 has 2 tokens for 1 weights: text that was put together from subwords does not fit"),
    "cut short, marian": Case("attention_stats.py {bad}/cut.marian", "attention_stats.py: error: '{bad}/cut.marian': line 1: no matrix of weights: its rows have 1 and 3 numbers"),
    "NaN, npz": Case("attention_stats.py {bad}/nan.npz", "attention_stats.py: error: '{bad}/nan.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "NaN, safetensors": Case("attention_stats.py {bad}/nan.safetensors", "attention_stats.py: error: '{bad}/nan.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "NaN, jsonl": Case("attention_stats.py {bad}/nan.jsonl", "attention_stats.py: error: '{bad}/nan.jsonl': line 1: NaN is not a finite number: leave this hypothesis out"),
    "NaN, bertviz": Case("attention_stats.py {bad}/nan.bertviz", "attention_stats.py: error: '{bad}/nan.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "NaN, nematus": Case("attention_stats.py {bad}/nan.nematus", "attention_stats.py: error: '{bad}/nan.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "NaN, fairseq": Case("attention_stats.py {bad}/nan.fairseq", "attention_stats.py: error: '{bad}/nan.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "NaN, marian": Case("attention_stats.py {bad}/nan.marian", "attention_stats.py: error: '{bad}/nan.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, npz": Case("attention_stats.py {bad}/inf.npz", "attention_stats.py: error: '{bad}/inf.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, safetensors": Case("attention_stats.py {bad}/inf.safetensors", "attention_stats.py: error: '{bad}/inf.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, jsonl": Case("attention_stats.py {bad}/inf.jsonl", "attention_stats.py: error: '{bad}/inf.jsonl': line 1: Infinity is not a finite number: leave this hypothesis out"),
    "infinite, bertviz": Case("attention_stats.py {bad}/inf.bertviz", "attention_stats.py: error: '{bad}/inf.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, nematus": Case("attention_stats.py {bad}/inf.nematus", "attention_stats.py: error: '{bad}/inf.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, fairseq": Case("attention_stats.py {bad}/inf.fairseq", "attention_stats.py: error: '{bad}/inf.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "infinite, marian": Case("attention_stats.py {bad}/inf.marian", "attention_stats.py: error: '{bad}/inf.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out"),
    "axes, npz": Case("attention_stats.py {bad}/axes.npz", "attention_stats.py: error: '{bad}/axes.npz': axes is 'source x target', expected 'target x source': was it written by another program or version?"),
    "pickled objects, npz": Case("attention_stats.py {bad}/object.npz", "attention_stats.py: error: '{bad}/object.npz': not an .npz file, or cut short (Object arrays cannot be loaded when allow_pickle=False): write it again"),
    "token out of range, npz": Case("view_attention.py {bad}/outside.npz -o {out}/a.html", "view_attention.py: error: '{bad}/outside.npz': source points outside the 3 symbols: the file is damaged"),
    "negative offsets, npz": Case("attention_stats.py {bad}/negative.npz", "attention_stats.py: error: '{bad}/negative.npz': weights_offsets do not rise from 0 to 6 in 1 steps: the file is damaged"),
    "other arrays, npz": Case("attention_stats.py {bad}/other.npz", "attention_stats.py: error: '{bad}/other.npz': no format, axes, id, rank, score, has_reference, source, target, reference, source_offsets, target_offsets, reference_offsets, weights_offsets, symbols: this is not an attention file, which has format 'fairseq-attention/1'"),
    "absurd size, npz": Case("attention_stats.py {bad}/absurd.npz", "attention_stats.py: error: '{bad}/absurd.npz': not an .npz file, or cut short (array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.): write it again"),
    "absurd header, safetensors": Case("attention_stats.py {bad}/absurd.safetensors", "attention_stats.py: error: '{bad}/absurd.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again"),
    "tensor beyond the end, safetensors": Case("attention_stats.py {bad}/hostile.safetensors", "attention_stats.py: error: '{bad}/hostile.safetensors': not a .safetensors file, or cut short (Error while deserializing header: incomplete metadata, file not fully covered): write it again"),
    "ragged, jsonl": Case("plot_attention.py {bad}/ragged.jsonl --output {out}/a.png", "plot_attention.py: error: '{bad}/ragged.jsonl': line 1: row 0 of weights has 2 numbers for 3 source tokens"),
    "source x target, jsonl": Case("attention_stats.py {bad}/turned.jsonl", "attention_stats.py: error: '{bad}/turned.jsonl': line 1: row 0 of weights has 2 numbers for 3 source tokens"),
    "axes, jsonl": Case("view_attention.py {bad}/axes.jsonl -o {out}/a.html", "view_attention.py: error: '{bad}/axes.jsonl': line 1: axes is 'source x target', expected 'target x source': was it written by another program or version?"),
    "text for numbers, jsonl": Case("attention_stats.py {bad}/text.jsonl", "attention_stats.py: error: '{bad}/text.jsonl': line 1: weights is [[\"0.5\", \"0.5\", \"0\"], [\"0\", \"0.5\", \"0.5\"]], not rows of numbers"),
    "negative id, jsonl": Case("attention_stats.py {bad}/negative.jsonl", "attention_stats.py: error: '{bad}/negative.jsonl': line 1: id -1 is not from 0 to 9223372036854775807: count ids from 0"),
    "absurd id, jsonl": Case("attention_stats.py {bad}/huge.jsonl", "attention_stats.py: error: '{bad}/huge.jsonl': line 1: id 1000000000000000000000000000000 is not from 0 to 9223372036854775807: count ids from 0"),
    "half a character, jsonl": Case("view_attention.py {bad}/surrogate.jsonl -o {out}/a.html", "view_attention.py: error: '{bad}/surrogate.jsonl': line 1: sentence 0, rank 0: token '\\ud800' is not valid Unicode: read the corpus as UTF-8"),
    "no softmax, jsonl": Case("attention_stats.py {bad}/unnormalised.jsonl", "attention_stats.py: error: '{bad}/unnormalised.jsonl': sentence 0, rank 0: row 0 of the attention sums to 2, not 1: measures need the weights of a softmax, target x source"),
    "no softmax in a page": Case("view_attention.py {bad}/unnormalised.jsonl -o {out}/a.html", "view_attention.py: error: '{bad}/unnormalised.jsonl': sentence 0, rank 0: the weight 2 of target token 0 on source token 0 is not between 0 and 1: give attention after its softmax"),
    "deep, jsonl": Case("attention_stats.py {bad}/deep.jsonl", "attention_stats.py: error: '{bad}/deep.jsonl': line 1: not a JSON object: is this an attention file?"),
    "deep, bertviz": Case("attention_stats.py {bad}/deep.bertviz", "attention_stats.py: error: '{bad}/deep.bertviz': not a JSON array, or cut short: write it again"),
    "ten thousand digits, jsonl": Case("attention_stats.py {bad}/digits.jsonl", "attention_stats.py: error: '{bad}/digits.jsonl': line 1: not a JSON object: is this an attention file?"),
    "out of order, jsonl": Case("attention_stats.py {bad}/order.jsonl", "attention_stats.py: error: '{bad}/order.jsonl': line 2: id 0, rank 0 comes after id 1, rank 0: records must be in corpus order, each once"),
    "ragged, marian": Case("attention_stats.py {bad}/ragged.marian", "attention_stats.py: error: '{bad}/ragged.marian': line 1: no matrix of weights: its rows have 1 and 2 numbers"),
    "absurd size, nematus": Case("attention_stats.py {bad}/absurd.nematus", "attention_stats.py: error: '{bad}/absurd.nematus': block at line 1: the translation has 1 tokens for 99999999999 weights: text that was put together from subwords does not fit"),
}

OPTIONS = {
    "stats, no file": Case("attention_stats.py {bad}/none.npz", "attention_stats.py: error: no attention file '{bad}/none.npz': give the file that extract_attention.py wrote"),
    "stats, unknown ending": Case("attention_stats.py {bad}/text.en", "attention_stats.py: error: attention file '{bad}/text.en' must end in .npz, .safetensors, .jsonl, .bertviz, .nematus, .fairseq, .marian or .pharaoh"),
    "stats, a folder": Case("attention_stats.py {bad}", "attention_stats.py: error: attention file '{bad}' must end in .npz, .safetensors, .jsonl, .bertviz, .nematus, .fairseq, .marian or .pharaoh"),
    "stats, pairs alone": Case("attention_stats.py {bad}/a.pharaoh", "attention_stats.py: error: '{bad}/a.pharaoh' holds alignment pairs without tokens and weights: give .npz or .jsonl"),
    "stats, over its input": Case("attention_stats.py {bad}/good.npz --json {bad}/good.npz", "attention_stats.py: error: --json '{bad}/good.npz' would replace what is read: choose another name"),
    "stats, no folder to write to": Case("attention_stats.py {bad}/good.npz --json {out}/none/a.json", "attention_stats.py: error: folder '{out}/none' does not exist: make it, or choose another place for 'a.json'"),
    "stats, gold missing": Case("attention_stats.py {bad}/good.npz --gold {bad}/none", "attention_stats.py: error: no gold alignments '{bad}/none': give a file with a line of links i-j a sentence"),
    "stats, gold binary": Case("attention_stats.py {bad}/good.npz --gold {bad}/binary", "attention_stats.py: error: '{bad}/binary' line 1: '\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08' is no link: write i-j if it is sure, ipj or i?j if it is possible"),
    "stats, gold empty": Case("attention_stats.py {bad}/good.npz --gold {bad}/empty", "attention_stats.py: error: '{bad}/empty' has 0 lines for 1 sentences with ids 0 to 0: give one line a sentence, in the order of the corpus, and attention of the whole corpus"),
    "view, no page": Case("view_attention.py {bad}/good.npz -o {out}/a.png", "view_attention.py: error: page '{out}/a.png' must end in .html or .htm"),
    "view, none shown": Case("view_attention.py {bad}/good.npz -o {out}/a.html --limit 0", "view_attention.py: error: --limit must be at least 1, but is 0"),
    "plot, no picture": Case("plot_attention.py {bad}/good.npz --output {out}/a.txt", "plot_attention.py: error: picture '{out}/a.txt' must end in .png, .pdf, .svg"),
    "plot, no sentence": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --id 7", "plot_attention.py: error: no sentence 7 in '{bad}/good.npz', which has 1 from 0 to 0"),
    "plot, negative sentence": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --id -1", "plot_attention.py: error: no sentence -1 in '{bad}/good.npz', which has 1 from 0 to 0"),
    "plot, no rank": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --rank 3", "plot_attention.py: error: sentence 0 in '{bad}/good.npz' has no rank 3: give --rank as one of 0"),
    "plot, no numbers": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --ids a,b", "plot_attention.py: error: argument --ids: 'a,b' must be numbers of sentences, as in 0,3,7"),
    "plot, all as a picture": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --all", "plot_attention.py: error: pages cannot be written to '{out}/a.png': give a path that ends in .pdf"),
    "plot, columns of one": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --columns 2", "plot_attention.py: error: --columns 2 without --ids or --compare: there is one heatmap"),
    "plot, no columns": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --ids 0 --columns 0", "plot_attention.py: error: a grid needs at least 1 column, but is given 0"),
    "plot, no colours": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --cmap nosuch", "plot_attention.py: error: unknown colour map 'nosuch': use viridis, cividis, magma, Greys or another of matplotlib's"),
    "plot, colours turned": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --vmin 2", "plot_attention.py: error: colours from 2.0 to 1.0 are no range: vmin must be less than vmax"),
    "plot, colours from nan": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --vmin nan", "plot_attention.py: error: colours from nan to 1.0 are no range: vmin must be less than vmax"),
    "plot, panels of one": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --panels 3", "plot_attention.py: error: --panels 3 without --evolution: it is for a sentence over a training"),
    "plot, unknown option": Case("plot_attention.py {bad}/good.npz --output {out}/a.png --nosuch", "plot_attention.py: error: unrecognized arguments: --nosuch"),
    "plot, compared with nothing": Case(
        "plot_attention.py {bad}/good.npz --output {out}/a.png --compare {bad}/none.npz", "plot_attention.py: error: no attention file '{bad}/none.npz': give the file that extract_attention.py wrote"
    ),
    "evolution, no folder": Case("plot_attention.py {data} --evolution {bad}/none --output {out}/a.png", "plot_attention.py: error: no folder '{bad}/none': give the --save-dir of a training"),
    "evolution, no checkpoint": Case("plot_attention.py {data} --evolution {bad} --output {out}/a.png", "plot_attention.py: error: no checkpoint of an epoch or an update in '{bad}': train without --no-epoch-checkpoints, or with --save-interval-updates"),
    "evolution, of a file": Case("plot_attention.py {bad}/good.npz --evolution {bad} --output {out}/a.png", "plot_attention.py: error: --evolution reads a dataset: give its folder in place of '{bad}/good.npz'"),
    "evolution, of all": Case("plot_attention.py {data} --evolution {bad} --output {out}/a.pdf --all", "plot_attention.py: error: --all with --evolution, which draws one sentence and its reference: give --id alone"),
}


@table(FILES)
def test_files(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
