"""Attention files, of every format that is read, that are damaged, hostile or something else."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

FILES = {
    "attention_stats.py {bad}/empty.npz": "'{bad}/empty.npz': not an .npz file, or cut short (no zip archive): write it again",
    "attention_stats.py {bad}/empty.safetensors": "'{bad}/empty.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too small): write it again",
    "attention_stats.py {bad}/empty.jsonl": "'{bad}/empty.jsonl' holds no sentence with rank 0[..]",
    "attention_stats.py {bad}/empty.fairseq": "'{bad}/empty.fairseq': no line A-...[..]",
    "attention_stats.py {bad}/binary.npz": "'{bad}/binary.npz': not an .npz file, or cut short (no zip archive): write it again",
    "attention_stats.py {bad}/binary.safetensors": "'{bad}/binary.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again",
    "attention_stats.py {bad}/cut.npz": "'{bad}/cut.npz': not an .npz file, or cut short (File is not a zip file): write it again",
    "attention_stats.py {bad}/cut.safetensors": "'{bad}/cut.safetensors': not a .safetensors file, or cut short (Error while deserializing header: invalid header length): write it again",
    "attention_stats.py {bad}/cut.jsonl": "'{bad}/cut.jsonl': line 1: not a JSON object; the file ends in the middle of this line[..]",
    "attention_stats.py {bad}/cut.bertviz": "'{bad}/cut.bertviz': not a JSON array, or cut short[..]",
    "attention_stats.py {bad}/nan.npz": "'{bad}/nan.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/nan.safetensors": "'{bad}/nan.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/nan.jsonl": "'{bad}/nan.jsonl': line 1: NaN is not a finite number[..]",
    "attention_stats.py {bad}/nan.bertviz": "'{bad}/nan.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.npz": "'{bad}/inf.npz': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/object.npz": "'{bad}/object.npz': not an .npz file, or cut short (Object arrays cannot be loaded when allow_pickle=False): write it again",
    "view_attention.py {bad}/outside.npz -o {out}/a.html": "'{bad}/outside.npz': source points outside the 3 symbols[..]",
    "attention_stats.py {bad}/negative.npz": "'{bad}/negative.npz': weights_offsets do not rise from 0 to 6 in 1 steps: the file is damaged",
    "attention_stats.py {bad}/absurd.npz": "'{bad}/absurd.npz': not an .npz file, or cut short (array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.): write it again",
    "attention_stats.py {bad}/hostile.safetensors": "'{bad}/hostile.safetensors': not a .safetensors file, or cut short (Error while deserializing header: incomplete metadata, file not fully covered): write it again",
    "plot_attention.py {bad}/ragged.jsonl --output {out}/a.png": "'{bad}/ragged.jsonl': line 1: row 0 of weights has 2 numbers[..]",
    "attention_stats.py {bad}/turned.jsonl": "'{bad}/turned.jsonl': line 1: row 0 of weights has 2 numbers[..]",
    "view_attention.py {bad}/axes.jsonl -o {out}/a.html": "'{bad}/axes.jsonl': line 1: axes is 'source x target', expected 'target x source': was it written by another program or version?",
    "attention_stats.py {bad}/huge.jsonl": "'{bad}/huge.jsonl': line 1: id 1000000000000000000000000000000 is not from 0 to 9223372036854775807[..]",
    "view_attention.py {bad}/surrogate.jsonl -o {out}/a.html": "'{bad}/surrogate.jsonl': line 1: sentence 0, rank 0: token '\\ud800' is not valid Unicode[..]",
    "attention_stats.py {bad}/unnormalised.jsonl": "'{bad}/unnormalised.jsonl': sentence 0, rank 0: row 0 of the attention sums to 2, not 1: measures need the weights of a softmax, target x source",
    "view_attention.py {bad}/unnormalised.jsonl -o {out}/a.html": "'{bad}/unnormalised.jsonl': sentence 0, rank 0: the weight 2 of target token 0 on source token 0 is not between 0 and 1[..]",
    "attention_stats.py {bad}/deep.jsonl": "'{bad}/deep.jsonl': line 1: not a JSON object[..]",
    "attention_stats.py {bad}/digits.jsonl": "'{bad}/digits.jsonl': line 1: not a JSON object[..]",
    "attention_stats.py {bad}/order.jsonl": "'{bad}/order.jsonl': line 2: id 0, rank 0 comes after id 1, rank 0[..]",
    "attention_stats.py {bad}/ragged.marian": "'{bad}/ragged.marian': line 1: no matrix of weights[..]",
    "attention_stats.py {bad}/absurd.nematus": "'{bad}/absurd.nematus': block at line 1: the translation has 1 tokens for 99999999999 weights: text that was put together from subwords does not fit",
}
SLOW_FILES = {
    "attention_stats.py {bad}/empty.bertviz": "'{bad}/empty.bertviz': not a JSON array, or cut short[..]",
    "attention_stats.py {bad}/empty.nematus": "'{bad}/empty.nematus' holds no sentence with rank 0[..]",
    "attention_stats.py {bad}/empty.marian": "'{bad}/empty.marian' holds no sentence with rank 0[..]",
    "attention_stats.py {bad}/binary.jsonl": "'{bad}/binary.jsonl': line 1: not a JSON object[..]",
    "attention_stats.py {bad}/binary.bertviz": "'{bad}/binary.bertviz': not a JSON array, or cut short[..]",
    "attention_stats.py {bad}/binary.nematus": "'{bad}/binary.nematus': block at line 1: its first line is not 'id ||| translation ||| score ||| source ||| S T'",
    "attention_stats.py {bad}/binary.fairseq": "'{bad}/binary.fairseq': line 2: not UTF-8 text[..]",
    "attention_stats.py {bad}/binary.marian": "'{bad}/binary.marian': line 1: not of the form 'translation ||| weights': let Marian print with --alignment soft",
    "attention_stats.py {bad}/cut.nematus": "'{bad}/cut.nematus': block at line 1: the file ends after 1 of 2 rows: write it again",
    "attention_stats.py {bad}/cut.fairseq": "'{bad}/cut.fairseq': line 3: S-0 has 2 tokens for 1 weights: text that was put together from subwords does not fit",
    "attention_stats.py {bad}/cut.marian": "'{bad}/cut.marian': line 1: no matrix of weights[..]",
    "attention_stats.py {bad}/nan.nematus": "'{bad}/nan.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/nan.fairseq": "'{bad}/nan.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/nan.marian": "'{bad}/nan.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.safetensors": "'{bad}/inf.safetensors': sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.jsonl": "'{bad}/inf.jsonl': line 1: Infinity is not a finite number[..]",
    "attention_stats.py {bad}/inf.bertviz": "'{bad}/inf.bertviz': object 0: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.nematus": "'{bad}/inf.nematus': block at line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.fairseq": "'{bad}/inf.fairseq': line 3: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/inf.marian": "'{bad}/inf.marian': line 1: sentence 0, rank 0: an attention weight or the score is NaN or infinite: leave this hypothesis out",
    "attention_stats.py {bad}/axes.npz": "'{bad}/axes.npz': axes is 'source x target', expected 'target x source': was it written by another program or version?",
    "attention_stats.py {bad}/other.npz": "'{bad}/other.npz': no format, axes, id, rank, score, has_reference, source, target, reference, source_offsets, target_offsets, reference_offsets, weights_offsets, symbols[..]",
    "attention_stats.py {bad}/absurd.safetensors": "'{bad}/absurd.safetensors': not a .safetensors file, or cut short (Error while deserializing header: header too large): write it again",
    "attention_stats.py {bad}/text.jsonl": '\'{bad}/text.jsonl\': line 1: weights is [["0.5", "0.5", "0"], ["0", "0.5", "0.5"]], not rows of numbers',
    "attention_stats.py {bad}/negative.jsonl": "'{bad}/negative.jsonl': line 1: id -1 is not from 0 to 9223372036854775807[..]",
    "attention_stats.py {bad}/deep.bertviz": "'{bad}/deep.bertviz': not a JSON array, or cut short[..]",
}


@table(FILES, SLOW_FILES)
def test_files(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
