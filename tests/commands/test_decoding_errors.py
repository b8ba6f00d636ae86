"""fairseq-generate, -interactive, -validate and extract_attention.py: checkpoints, data, options."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

FAIRSEQ = {
    "fairseq-generate {bad}/none COPY --path {good}": "no dataset folder at '{bad}/none'[..]",
    "fairseq-generate {data} COPY --path {good} --gen-subset dev": "no split 'dev' in '{data}'[..]",
    "fairseq-generate {data} COPY --path {bad}/none.pt": "no checkpoint at '{bad}/none.pt'[..]",
    "fairseq-generate {data} COPY --path {bad}/cut.pt": "'{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile)[..]",
    "fairseq-generate {data} COPY --path {bad}/arch.pt": "no model called 'nosuch': name the folder with its code in --user-dir",
    "fairseq-generate {data} COPY --path {bad}/parameter.pt": "'{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\")[..]",
    "fairseq-generate {bad}/dict-turned COPY --path {good}": "the checkpoint was trained with a source dictionary of 8 symbols (sha256 c7c8af7e060b), but the one in '{bad}/dict-turned' has 8 others or another order (sha256 f293dde07aec)[..]",
    "fairseq-generate {data} COPY --path {good} --source-lang tgt --target-lang src": "the checkpoint was trained from src to tgt, but '{data}' is read from tgt to src: pass --source-lang src --target-lang tgt, or use a checkpoint of the other direction",
    "fairseq-generate {data} COPY --path {good} --temperature 0": "--temperature must be a number above 0, but is 0.0",
    "fairseq-generate {data} COPY --path {good} --max-len-b 0": "--min-len 1 is more than an output may have: 0 tokens (--max-len-a 0, --max-len-b 0, a source of 5 tokens)",
    "fairseq-generate {data} COPY --path {good} --batch-size 0": "--batch-size must be from 1 to[..]",
    "fairseq-generate {data} COPY --path {good} --model-overrides \"{{'recurrence':'best'}}\"": "no --recurrence called 'best': choose one of auto, naive, hoisted, fixed, batched, fused, native",
    "fairseq-generate {data} COPY --path {good} --model-overrides \"{{'float32_matmul_precision':'low'}}\"": "no --float32-matmul-precision called 'low': choose one of highest, high, medium",
    "fairseq-generate {data} COPY --path {good} --beam 0": "--beam must be at least 1[..]",
    "fairseq-generate {data} COPY --path {good} --beam x": "argument --beam: invalid int value: 'x'[..]",
    "fairseq-generate {data} COPY --path {good} --sampling": "--sampling needs --nbest[..]",
    "fairseq-interactive {data} COPY --path {good} --batch-size 9": "--batch-size must be at most --buffer-size[..]",
    "fairseq-interactive {data} COPY --path {bad}/none.pt": "no checkpoint at '{bad}/none.pt'[..]",
    "fairseq-interactive {data} COPY --path {bad}/binary.pt": "'{bad}/binary.pt' is no checkpoint, or damaged (UnpicklingError)[..]",
    "fairseq-validate {data} COPY --path {bad}/none.pt --batch-size 9": "no checkpoint at '{bad}/none.pt'[..]",
    "fairseq-validate {data} COPY --path {bad}/nan.pt --batch-size 9": "parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged[..]",
}
SLOW_FAIRSEQ = {
    "fairseq-generate {data} COPY": "no checkpoint given[..]",
    "fairseq-generate {data} COPY --path {good} --model-overrides x": "--model-overrides must be[..]",
    "fairseq-generate {data} COPY --path {good} --seed -1": "--seed must be from 0 to[..]",
    "fairseq-interactive {data} COPY --path {good} --input {bad}/none": "--input '{bad}/none' is no file[..]",
    "fairseq-generate {data} COPY --path {good}:{bad}/none.pt": "no checkpoint at '{bad}/none.pt'[..]",
    "fairseq-generate {data} COPY --path {bad}": "no checkpoint at '{bad}'[..]",
    "fairseq-generate {data} COPY --path {bad}/text.pt": "'{bad}/text.pt' is no checkpoint, or damaged (IndexError)[..]",
    "fairseq-generate {data} COPY --path {bad}/empty.pt": "'{bad}/empty.pt' is no checkpoint, or damaged (EOFError)[..]",
    "fairseq-generate {data} COPY --path {bad}/dict.pt": "'{bad}/dict.pt' is no checkpoint, or damaged (KeyError)[..]",
    "fairseq-generate {data} COPY --path {bad}/nan.pt": "parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged[..]",
    "fairseq-generate {bad}/id-outside COPY --path {good} --gen-subset train": "'{bad}/id-outside/train.src-tgt.src.bin' holds the id 60000, but '{bad}/id-outside/dict.src.txt' gives 0 to 7[..]",
    "fairseq-generate {data} COPY --path {good} --checkpoint-suffix=-none": "no checkpoint at '[..]/checkpoint_last-none.pt'[..]",
    "fairseq-generate {data} COPY --path {good} --sampling-topk 3": "--sampling-topk requires --sampling",
    "fairseq-generate {data} COPY --path {good} --match-source-len --diversity-rate 0.5": "Provided Search parameters are mutually exclusive.",
    "fairseq-generate {data} COPY --path {good} --num-workers -1": "--num-workers must be from 0 to[..]",
    "fairseq-validate {data} COPY --path {bad}/cut.pt --batch-size 9": "'{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile)[..]",
    "fairseq-validate {data} COPY --path {bad}/parameter.pt --batch-size 9": "'{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\")[..]",
}

EXTRACTION = {
    "extract_attention.py {data} --path {good} --output {out}/a.npz --text '' --text a": "empty sentences, counted from 0: 0;[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --text '  '": "the sentence is empty[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --text a --gen-subset valid": "--gen-subset valid with --text or --input: leave one of them out",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --text a --forced": "--forced needs references, which --text and --input do not have: leave one of them out",
    "extract_attention.py {data} --path {good} --output {good} --format npz": "--output '{good}' would replace [..]",
    "extract_attention.py {data} --path {good} --output {data}/dict.src.txt --format npz": "--output '{data}/dict.src.txt' would replace [..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --input {bad}/binary": "--input {bad}/binary is not UTF-8 text: save it as UTF-8",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --input {bad}/empty": "--input {bad}/empty has no sentence: write one a line",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --input {bad}/blank": "--input {bad}/blank has empty lines: 2, 4; write a sentence there, or remove them",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --input {bad}/cr": "--input {bad}/cr: its lines end in CR alone[..]",
    "extract_attention.py {bad}/good.npz --path {good} --output {out}/a.npz --text a": "'{bad}/good.npz' is a file: name the folder of a dataset",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --input {bad}/none": "cannot read '{bad}/none': No such file or directory",
    "extract_attention.py {data} --path {bad}/none.pt --output {out}/a.npz": "no checkpoint at '{bad}/none.pt'[..]",
    "extract_attention.py {data} --path {good}:{bad}/cut.pt --output {out}/a.npz": "'{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile)[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --gen-subset dev": "no split 'dev' in '{data}'[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.txt": "attention file '{out}/a.txt' must end in .npz[..]",
    "extract_attention.py {data} --path {good} --output {out}/none/a.npz": "folder '{out}/none' does not exist[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --beam 5 --greedy": "argument --greedy: not allowed with argument --beam (`python scripts/extract_attention.py --help` lists the options)",
    "extract_attention.py {data} --path {good} --output {out}/a.npz {out}/b.npz {out}/a.npz": "--output names '{out}/a.npz' twice: name each file once",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --nbest 9": "--nbest must be from 1 to --beam 5, but is 9",
    "extract_attention.py {data} --path '' --output {out}/a.npz": "no checkpoint given: name one with --path (several with ':' between them)",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --greedy --nbest 2": "--nbest must be from 1 to --beam 1, but is 2",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --forced --beam 3": "--beam 3 with --forced: a reference is not searched for; leave it out",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --forced --lenpen 3": "--lenpen has no effect on references[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --merge sentencepiece": "--merge sentencepiece: a piece has '▁' in 0 of 30 source sentences, the data is not in such pieces[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --format pharaoh --max-source-positions 4 --skip-invalid-size-inputs-valid-test": "9 sentences are skipped as too long, but '{out}/a.npz' has one line a sentence: write .jsonl, or raise the limits",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --temperature 0": "--temperature must be a number above 0, but is 0.0",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --seed -1": "--seed must be from 0 to 4000000000[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --lm-path lm.pt --lm-weight 0.5": "--lm-path has no effect on an extraction[..]",
    "extract_attention.py {bad}/none --task translation --path {good} --output {out}/a.npz": "no dataset folder at '{bad}/none': name one that fairseq-preprocess made",
    "extract_attention.py {data} --task translation --path {good} --output {out}/a.npz --gen-subset dev": "no split 'dev' in '{data}', which holds [..]",
    "extract_attention.py {out} --task translation --path {good} --output {out}/a.npz": "no data of two languages in the data folder: name another folder, or give --source-lang and --target-lang",
    "extract_attention.py {data} --task translation --path {good} --output {out}/a.npz --max-source-positions 3": "Size of sample #[..] is invalid (=[..]) since max_positions=[..], skip this example with --skip-invalid-size-inputs-valid-test",
}
SLOW_EXTRACTION = {
    "extract_attention.py {data} --path {bad} --output {out}/a.npz": "'{bad}' is a folder: name a checkpoint in it, such as {bad}/checkpoint_best.pt",
    "extract_attention.py {data} --path {bad}/text.pt --output {out}/a.npz": "'{bad}/text.pt' is no checkpoint, or damaged (IndexError)[..]",
    "extract_attention.py {data} --path {bad}/list.pt --output {out}/a.npz": "'{bad}/list.pt' is no checkpoint, or damaged (TypeError)[..]",
    "extract_attention.py {data} --path {bad}/arch.pt --output {out}/a.npz": "no model called 'nosuch': name the folder with its code in --user-dir",
    "extract_attention.py {data} --path {bad}/inf.pt --output {out}/a.npz": "parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged[..]",
    "extract_attention.py {data} --path {bad}/parameter.pt --output {out}/a.npz": "'{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\")[..]",
    "extract_attention.py {bad}/none --path {good} --output {out}/a.npz": "no dataset folder at '{bad}/none'[..]",
    "extract_attention.py {larger} --path {good} --output {out}/a.npz": "the checkpoint was trained with a source dictionary of 8 symbols (sha256 c7c8af7e060b), but the one in '{larger}' has 24 symbols (sha256 c41e7c8bcbbe)[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --merge bpe": "--merge bpe: a piece ends in '@@' in 0 of 60 source and target sentences, the data is not in such pieces[..]",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --forced --nbest 2": "--nbest 2 with --forced: a sentence has one reference; leave --nbest out",
    "extract_attention.py {data} --path {good} --output {out}/a.marian --nbest 2": "--nbest 2: '{out}/a.marian' has one line a sentence: write .jsonl, or --nbest 1",
    "extract_attention.py {data} --path {good} --output {out}/a.npz --nosuch": "unrecognized arguments: --nosuch (`fairseq-generate --help` lists the options)",
}


TOO_LARGE = {
    "fairseq-train {data} TRAIN --encoder-hidden-size 2000000000": "not enough memory for a tensor of [..] GB: choose smaller sizes, lengths or batches",
    "fairseq-generate {data} COPY --path {good} --max-len-b 1000000000000": "not enough memory for a tensor of [..] GB: choose smaller sizes, lengths or batches",
}


@table(FAIRSEQ, SLOW_FAIRSEQ)
def test_fairseq(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(EXTRACTION, SLOW_EXTRACTION)
def test_extraction(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(TOO_LARGE, code=1)
def test_more_memory_than_there_is(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
