"""Attention files, of every format that is read, that are damaged, hostile or something else."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

FILES = {
    "empty, npz": Case(
        "attention_stats.py {bad}/empty.npz",
        "attention_stats.py: error: '{bad}/empty.npz': not an .npz file, or cut short (no zip archive): write it again",
    ),
    "empty, safetensors": Case(
        "attention_stats.py {bad}/empty.safetensors",
        "attention_stats.py: error: '{bad}/empty.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too small): write it again",
    ),
    "empty, jsonl": Case(
        "attention_stats.py {bad}/empty.jsonl",
        "attention_stats.py: error: '{bad}/empty.jsonl' holds no sentence with rank 0: extract attention again",
    ),
    "empty, bertviz": Case(
        "attention_stats.py {bad}/empty.bertviz",
        "attention_stats.py: error: '{bad}/empty.bertviz': not a JSON array, or cut short: write it again",
        slow=True,
    ),
    "empty, nematus": Case(
        "attention_stats.py {bad}/empty.nematus",
        "attention_stats.py: error: '{bad}/empty.nematus' holds no sentence with rank 0: extract attention again",
        slow=True,
    ),
    "empty, fairseq": Case(
        "attention_stats.py {bad}/empty.fairseq",
        "attention_stats.py: error: '{bad}/empty.fairseq': no line A-...: let fairseq-generate print with --print-alignment soft",
    ),
    "empty, marian": Case(
        "attention_stats.py {bad}/empty.marian",
        "attention_stats.py: error: '{bad}/empty.marian' holds no sentence with rank 0: extract attention again",
        slow=True,
    ),
    "binary, npz": Case(
        "attention_stats.py {bad}/binary.npz",
        "attention_stats.py: error: '{bad}/binary.npz': not an .npz file, or cut short (no zip archive): write it again",
    ),
    "binary, safetensors": Case(
        "attention_stats.py {bad}/binary.safetensors",
        "attention_stats.py: error: '{bad}/binary.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again",
    ),
    "binary, jsonl": Case(
        "attention_stats.py {bad}/binary.jsonl",
        "attention_stats.py: error: '{bad}/binary.jsonl': line 1: not a JSON object: is this an attention file?",
        slow=True,
    ),
    "binary, bertviz": Case(
        "attention_stats.py {bad}/binary.bertviz",
        "attention_stats.py: error: '{bad}/binary.bertviz': not a JSON array, or cut short: write it again",
        slow=True,
    ),
    "binary, nematus": Case(
        "attention_stats.py {bad}/binary.nematus",
        "attention_stats.py: error: '{bad}/binary.nematus': block at line 1: its first line is not 'id ||| translation ||| score ||| source ||| S T'",
        slow=True,
    ),
    "binary, fairseq": Case(
        "attention_stats.py {bad}/binary.fairseq",
        "attention_stats.py: error: '{bad}/binary.fairseq': line 2: not UTF-8 text: is this an attention file?",
        slow=True,
    ),
    "binary, marian": Case(
        "attention_stats.py {bad}/binary.marian",
        "attention_stats.py: error: '{bad}/binary.marian': line 1: not of the form 'translation ||| weights': let Marian print with --alignment soft",
        slow=True,
    ),
    "cut short, npz": Case(
        "attention_stats.py {bad}/cut.npz",
        "attention_stats.py: error: '{bad}/cut.npz': not an .npz file, or cut short (File is not a zip file): write it again",
    ),
    "cut short, safetensors": Case(
        "attention_stats.py {bad}/cut.safetensors",
        "attention_stats.py: error: '{bad}/cut.safetensors': not a .safetensors file, or cut short (Error while deserializing header: invalid header length): write it again",
    ),
    "cut short, jsonl": Case(
        "attention_stats.py {bad}/cut.jsonl",
        "attention_stats.py: error: '{bad}/cut.jsonl': line 1: not a JSON object; the file ends in the middle of this line: write it again",
    ),
    "cut short, bertviz": Case(
        "attention_stats.py {bad}/cut.bertviz",
        "attention_stats.py: error: '{bad}/cut.bertviz': not a JSON array, or cut short: write it again",
    ),
    "cut short, nematus": Case(
        "attention_stats.py {bad}/cut.nematus",
        "attention_stats.py: error: '{bad}/cut.nematus': block at line 1: the file ends after 1 of 2 rows: write it again",
        slow=True,
    ),
    "cut short, fairseq": Case(
        "attention_stats.py {bad}/cut.fairseq",
        "attention_stats.py: error: '{bad}/cut.fairseq': line 3: S-0 has 2 tokens for 1 weights: text that was put together from subwords does not fit",
        slow=True,
    ),
    "cut short, marian": Case(
        "attention_stats.py {bad}/cut.marian",
        "attention_stats.py: error: '{bad}/cut.marian': line 1: no matrix of weights: its rows have 1 and 3 numbers",
        slow=True,
    ),
    "NaN, npz": Case(
        "attention_stats.py {bad}/nan.npz",
        "attention_stats.py: error: '{bad}/nan.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    ),
    "NaN, safetensors": Case(
        "attention_stats.py {bad}/nan.safetensors",
        "attention_stats.py: error: '{bad}/nan.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    ),
    "NaN, jsonl": Case(
        "attention_stats.py {bad}/nan.jsonl",
        "attention_stats.py: error: '{bad}/nan.jsonl': line 1: NaN is not a finite number: leave this hypothesis out",
    ),
    "NaN, bertviz": Case(
        "attention_stats.py {bad}/nan.bertviz",
        "attention_stats.py: error: '{bad}/nan.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    ),
    "NaN, nematus": Case(
        "attention_stats.py {bad}/nan.nematus",
        "attention_stats.py: error: '{bad}/nan.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "NaN, fairseq": Case(
        "attention_stats.py {bad}/nan.fairseq",
        "attention_stats.py: error: '{bad}/nan.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "NaN, marian": Case(
        "attention_stats.py {bad}/nan.marian",
        "attention_stats.py: error: '{bad}/nan.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "infinite, npz": Case(
        "attention_stats.py {bad}/inf.npz",
        "attention_stats.py: error: '{bad}/inf.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    ),
    "infinite, safetensors": Case(
        "attention_stats.py {bad}/inf.safetensors",
        "attention_stats.py: error: '{bad}/inf.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "infinite, jsonl": Case(
        "attention_stats.py {bad}/inf.jsonl",
        "attention_stats.py: error: '{bad}/inf.jsonl': line 1: Infinity is not a finite number: leave this hypothesis out",
        slow=True,
    ),
    "infinite, bertviz": Case(
        "attention_stats.py {bad}/inf.bertviz",
        "attention_stats.py: error: '{bad}/inf.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "infinite, nematus": Case(
        "attention_stats.py {bad}/inf.nematus",
        "attention_stats.py: error: '{bad}/inf.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "infinite, fairseq": Case(
        "attention_stats.py {bad}/inf.fairseq",
        "attention_stats.py: error: '{bad}/inf.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "infinite, marian": Case(
        "attention_stats.py {bad}/inf.marian",
        "attention_stats.py: error: '{bad}/inf.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
        slow=True,
    ),
    "axes, npz": Case(
        "attention_stats.py {bad}/axes.npz",
        "attention_stats.py: error: '{bad}/axes.npz': axes is 'source x target', expected 'target x source': was it written by another program or version?",
        slow=True,
    ),
    "pickled objects, npz": Case(
        "attention_stats.py {bad}/object.npz",
        "attention_stats.py: error: '{bad}/object.npz': not an .npz file, or cut short (Object arrays cannot be loaded when allow_pickle=False): write it again",
    ),
    "token out of range, npz": Case(
        "view_attention.py {bad}/outside.npz -o {out}/a.html",
        "view_attention.py: error: '{bad}/outside.npz': source points outside the 3 symbols: the file is damaged",
    ),
    "negative offsets, npz": Case(
        "attention_stats.py {bad}/negative.npz",
        "attention_stats.py: error: '{bad}/negative.npz': weights_offsets do not rise from 0 to 6 in 1 steps: the file is damaged",
    ),
    "other arrays, npz": Case(
        "attention_stats.py {bad}/other.npz",
        "attention_stats.py: error: '{bad}/other.npz': no format, axes, id, rank, score, has_reference, source, target, reference, source_offsets, target_offsets, reference_offsets, weights_offsets, symbols: this is not an attention file, which has format 'fairseq-attention/1'",
        slow=True,
    ),
    "absurd size, npz": Case(
        "attention_stats.py {bad}/absurd.npz",
        "attention_stats.py: error: '{bad}/absurd.npz': not an .npz file, or cut short (array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.): write it again",
    ),
    "absurd header, safetensors": Case(
        "attention_stats.py {bad}/absurd.safetensors",
        "attention_stats.py: error: '{bad}/absurd.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again",
        slow=True,
    ),
    "tensor beyond the end, safetensors": Case(
        "attention_stats.py {bad}/hostile.safetensors",
        "attention_stats.py: error: '{bad}/hostile.safetensors': not a .safetensors file, or cut short (Error while deserializing header: incomplete metadata, file not fully covered): write it again",
    ),
    "ragged, jsonl": Case(
        "plot_attention.py {bad}/ragged.jsonl --output {out}/a.png",
        "plot_attention.py: error: '{bad}/ragged.jsonl': line 1: row 0 of weights has 2 numbers for 3 source tokens",
    ),
    "source x target, jsonl": Case(
        "attention_stats.py {bad}/turned.jsonl",
        "attention_stats.py: error: '{bad}/turned.jsonl': line 1: row 0 of weights has 2 numbers for 3 source tokens",
    ),
    "axes, jsonl": Case(
        "view_attention.py {bad}/axes.jsonl -o {out}/a.html",
        "view_attention.py: error: '{bad}/axes.jsonl': line 1: axes is 'source x target', expected 'target x source': was it written by another program or version?",
    ),
    "text for numbers, jsonl": Case(
        "attention_stats.py {bad}/text.jsonl",
        'attention_stats.py: error: \'{bad}/text.jsonl\': line 1: weights is [["0.5", "0.5", "0"], ["0", "0.5", "0.5"]], not rows of numbers',
        slow=True,
    ),
    "negative id, jsonl": Case(
        "attention_stats.py {bad}/negative.jsonl",
        "attention_stats.py: error: '{bad}/negative.jsonl': line 1: id -1 is not from 0 to 9223372036854775807: count ids from 0",
        slow=True,
    ),
    "absurd id, jsonl": Case(
        "attention_stats.py {bad}/huge.jsonl",
        "attention_stats.py: error: '{bad}/huge.jsonl': line 1: id 1000000000000000000000000000000 is not from 0 to 9223372036854775807: count ids from 0",
    ),
    "half a character, jsonl": Case(
        "view_attention.py {bad}/surrogate.jsonl -o {out}/a.html",
        "view_attention.py: error: '{bad}/surrogate.jsonl': line 1: sentence 0, rank 0: token '\\ud800' is not valid Unicode: read the corpus as UTF-8",
    ),
    "no softmax, jsonl": Case(
        "attention_stats.py {bad}/unnormalised.jsonl",
        "attention_stats.py: error: '{bad}/unnormalised.jsonl': sentence 0, rank 0: row 0 of the attention sums to 2, not 1: measures need the weights of a softmax, target x source",
    ),
    "no softmax in a page": Case(
        "view_attention.py {bad}/unnormalised.jsonl -o {out}/a.html",
        "view_attention.py: error: '{bad}/unnormalised.jsonl': sentence 0, rank 0: the weight 2 of target token 0 on source token 0 is not between 0 and 1: give attention after its softmax",
    ),
    "deep, jsonl": Case(
        "attention_stats.py {bad}/deep.jsonl",
        "attention_stats.py: error: '{bad}/deep.jsonl': line 1: not a JSON object: is this an attention file?",
    ),
    "deep, bertviz": Case(
        "attention_stats.py {bad}/deep.bertviz",
        "attention_stats.py: error: '{bad}/deep.bertviz': not a JSON array, or cut short: write it again",
        slow=True,
    ),
    "ten thousand digits, jsonl": Case(
        "attention_stats.py {bad}/digits.jsonl",
        "attention_stats.py: error: '{bad}/digits.jsonl': line 1: not a JSON object: is this an attention file?",
    ),
    "out of order, jsonl": Case(
        "attention_stats.py {bad}/order.jsonl",
        "attention_stats.py: error: '{bad}/order.jsonl': line 2: id 0, rank 0 comes after id 1, rank 0: records must be in corpus order, each once",
    ),
    "ragged, marian": Case(
        "attention_stats.py {bad}/ragged.marian",
        "attention_stats.py: error: '{bad}/ragged.marian': line 1: no matrix of weights: its rows have 1 and 2 numbers",
    ),
    "absurd size, nematus": Case(
        "attention_stats.py {bad}/absurd.nematus",
        "attention_stats.py: error: '{bad}/absurd.nematus': block at line 1: the translation has 1 tokens for 99999999999 weights: text that was put together from subwords does not fit",
    ),
}


@table(FILES)
def test_files(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
