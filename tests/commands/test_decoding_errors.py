"""fairseq-generate, -interactive, -validate and extract_attention.py: checkpoints, data, options."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

FAIRSEQ = {
    "generate, no checkpoint": Case(
        "fairseq-generate {data} COPY --path {bad}/none.pt",
        "fairseq-generate: error: no checkpoint at '{bad}/none.pt': name one that fairseq-train wrote",
    ),
    "generate, second of two missing": Case(
        "fairseq-generate {data} COPY --path {good}:{bad}/none.pt",
        "fairseq-generate: error: no checkpoint at '{bad}/none.pt': name one that fairseq-train wrote",
        slow=True,
    ),
    "generate, a folder": Case(
        "fairseq-generate {data} COPY --path {bad}",
        "fairseq-generate: error: no checkpoint at '{bad}': name one that fairseq-train wrote",
        slow=True,
    ),
    "generate, no path": Case(
        "fairseq-generate {data} COPY",
        "AssertionError: --path required for generation!",
        code=1,
        traceback=True,
        slow=True,
    ),
    "generate, text": Case(
        "fairseq-generate {data} COPY --path {bad}/text.pt",
        "fairseq-generate: error: '{bad}/text.pt' is no checkpoint, or damaged (IndexError): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "generate, empty": Case(
        "fairseq-generate {data} COPY --path {bad}/empty.pt",
        "fairseq-generate: error: '{bad}/empty.pt' is no checkpoint, or damaged (EOFError): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "generate, cut short": Case(
        "fairseq-generate {data} COPY --path {bad}/cut.pt",
        "fairseq-generate: error: '{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile): name one that fairseq-train wrote, or go on from an earlier one",
    ),
    "generate, a dictionary": Case(
        "fairseq-generate {data} COPY --path {bad}/dict.pt",
        "fairseq-generate: error: '{bad}/dict.pt' is no checkpoint, or damaged (KeyError): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "generate, unknown architecture": Case(
        "fairseq-generate {data} COPY --path {bad}/arch.pt",
        "fairseq-generate: error: no model called 'nosuch': name the folder with its code in --user-dir",
    ),
    "generate, a weight NaN": Case(
        "fairseq-generate {data} COPY --path {bad}/nan.pt",
        "fairseq-generate: error: parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm",
        slow=True,
    ),
    "generate, a parameter missing": Case(
        "fairseq-generate {data} COPY --path {bad}/parameter.pt",
        "fairseq-generate: error: '{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\"): use the --arch and the options that it was trained with",
    ),
    "generate, other symbols": Case(
        "fairseq-generate {bad}/dict-turned COPY --path {good}",
        "fairseq-generate: error: the checkpoint was trained with a source dictionary of 8 symbols (sha256 c7c8af7e060b), but the one in '{bad}/dict-turned' has 8 others or another order (sha256 f293dde07aec): use the data folder it was trained with",
    ),
    "generate, the other way round": Case(
        "fairseq-generate {data} COPY --path {good} --source-lang tgt --target-lang src",
        "fairseq-generate: error: the checkpoint was trained from src to tgt, but '{data}' is read from tgt to src: pass --source-lang src --target-lang tgt, or use a checkpoint of the other direction",
    ),
    "generate, no split": Case(
        "fairseq-generate {data} COPY --path {good} --gen-subset dev",
        "fairseq-generate: error: no split 'dev' in '{data}': it holds test, train, valid",
        slow=True,
    ),
    "generate, ids out of range": Case(
        "fairseq-generate {bad}/id-outside COPY --path {good} --gen-subset train",
        "fairseq-generate: error: '{bad}/id-outside/train.src-tgt.src.bin' holds the id 60000, but '{bad}/id-outside/dict.src.txt' gives 0 to 7: use the dictionary that it was made with, or make the data again",
        slow=True,
    ),
    "generate, overrides are none": Case(
        "fairseq-generate {data} COPY --path {good} --model-overrides x",
        "ValueError: malformed node or string on line 1: [..]",
        code=1,
        traceback=True,
        slow=True,
    ),
    "generate, suffix of no checkpoint": Case(
        "fairseq-generate {data} COPY --path {good} --checkpoint-suffix=-none",
        "fairseq-generate: error: no checkpoint at '[..]/checkpoint_last-none.pt': name one that fairseq-train wrote",
        slow=True,
    ),
    "generate, temperature 0": Case(
        "fairseq-generate {data} COPY --path {good} --temperature 0",
        "fairseq-generate: error: --temperature must be a number above 0, but is 0.0",
    ),
    "generate, no room": Case(
        "fairseq-generate {data} COPY --path {good} --max-len-b 0",
        "fairseq-generate: error: --min-len 1 is more than an output may have: 0 tokens (--max-len-a 0, --max-len-b 0, a source of 5 tokens)",
    ),
    "generate, more memory than there is": Case(
        "fairseq-generate {data} COPY --path {good} --max-len-b 1000000000000",
        "fairseq-generate: error: not enough memory for a tensor of [..] GB: choose smaller sizes, lengths or batches",
        code=1,
    ),
    "generate, more candidates than symbols": Case(
        "fairseq-generate {data} COPY --path {good} --sampling --nbest 5 --sampling-topk 9",
        "fairseq-generate: error: the target dictionary has 8 symbols, fewer than --beam or --sampling-topk ask for: lower them",
    ),
    "generate, sampling left out": Case(
        "fairseq-generate {data} COPY --path {good} --sampling-topk 3",
        "fairseq-generate: error: --sampling-topk requires --sampling",
        slow=True,
    ),
    "generate, two searches": Case(
        "fairseq-generate {data} COPY --path {good} --match-source-len --diversity-rate 0.5",
        "fairseq-generate: error: Provided Search parameters are mutually exclusive.",
        slow=True,
    ),
    "generate, seed": Case(
        "fairseq-generate {data} COPY --path {good} --seed -1",
        "ValueError: Seed must be between 0 and 2**32 - 1",
        code=1,
        traceback=True,
        slow=True,
    ),
    "generate, workers": Case(
        "fairseq-generate {data} COPY --path {good} --num-workers -1",
        "fairseq-generate: error: --num-workers must be from 0 to 2147483647, but is -1",
        slow=True,
    ),
    "generate, batches of none": Case(
        "fairseq-generate {data} COPY --path {good} --batch-size 0",
        "fairseq-generate: error: --batch-size must be from 1 to 2147483647, but is 0",
    ),
    "interactive, no checkpoint": Case(
        "fairseq-interactive {data} COPY --path {bad}/none.pt",
        "fairseq-interactive: error: no checkpoint at '{bad}/none.pt': name one that fairseq-train wrote",
    ),
    "interactive, binary": Case(
        "fairseq-interactive {data} COPY --path {bad}/binary.pt",
        "fairseq-interactive: error: '{bad}/binary.pt' is no checkpoint, or damaged (UnpicklingError): name one that fairseq-train wrote, or go on from an earlier one",
    ),
    "interactive, no input file": Case(
        "fairseq-interactive {data} COPY --path {good} --input {bad}/none",
        "FileNotFoundError: [Errno 2] No such file or directory: '{bad}/none'",
        code=1,
        traceback=True,
        slow=True,
    ),
    "validate, no checkpoint": Case(
        "fairseq-validate {data} COPY --path {bad}/none.pt --batch-size 9",
        "fairseq-validate: error: no checkpoint at '{bad}/none.pt': name one that fairseq-train wrote",
    ),
    "validate, cut short": Case(
        "fairseq-validate {data} COPY --path {bad}/cut.pt --batch-size 9",
        "fairseq-validate: error: '{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "validate, a weight NaN": Case(
        "fairseq-validate {data} COPY --path {bad}/nan.pt --batch-size 9",
        "fairseq-validate: error: parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm",
    ),
    "validate, a parameter missing": Case(
        "fairseq-validate {data} COPY --path {bad}/parameter.pt --batch-size 9",
        "fairseq-validate: error: '{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\"): use the --arch and the options that it was trained with",
        slow=True,
    ),
}

EXTRACTION = {
    "no checkpoint": Case(
        "extract_attention.py {data} --path {bad}/none.pt --output {out}/a.npz",
        "extract_attention.py: error: no checkpoint at '{bad}/none.pt': name one that fairseq-train wrote",
    ),
    "a folder": Case(
        "extract_attention.py {data} --path {bad} --output {out}/a.npz",
        "extract_attention.py: error: '{bad}' is a folder: name a checkpoint in it, such as {bad}/checkpoint_best.pt",
        slow=True,
    ),
    "text": Case(
        "extract_attention.py {data} --path {bad}/text.pt --output {out}/a.npz",
        "extract_attention.py: error: '{bad}/text.pt' is no checkpoint, or damaged (IndexError): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "cut short": Case(
        "extract_attention.py {data} --path {good}:{bad}/cut.pt --output {out}/a.npz",
        "extract_attention.py: error: '{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile): name one that fairseq-train wrote, or go on from an earlier one",
    ),
    "a list": Case(
        "extract_attention.py {data} --path {bad}/list.pt --output {out}/a.npz",
        "extract_attention.py: error: '{bad}/list.pt' is no checkpoint, or damaged (TypeError): name one that fairseq-train wrote, or go on from an earlier one",
        slow=True,
    ),
    "unknown architecture": Case(
        "extract_attention.py {data} --path {bad}/arch.pt --output {out}/a.npz",
        "extract_attention.py: error: no model called 'nosuch': name the folder with its code in --user-dir",
        slow=True,
    ),
    "a weight infinite": Case(
        "extract_attention.py {data} --path {bad}/inf.pt --output {out}/a.npz",
        "extract_attention.py: error: parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm",
        slow=True,
    ),
    "a parameter missing": Case(
        "extract_attention.py {data} --path {bad}/parameter.pt --output {out}/a.npz",
        "extract_attention.py: error: '{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\"): use the --arch and the options that it was trained with",
        slow=True,
    ),
    "no folder of data": Case(
        "extract_attention.py {bad}/none --path {good} --output {out}/a.npz",
        "extract_attention.py: error: no dataset folder at '{bad}/none': make one with 'python -m data_gen copy {bad}/none'",
        slow=True,
    ),
    "other data": Case(
        "extract_attention.py {larger} --path {good} --output {out}/a.npz",
        "extract_attention.py: error: the checkpoint was trained with a source dictionary of 8 symbols (sha256 c7c8af7e060b), but the one in '{larger}' has 24 symbols (sha256 c41e7c8bcbbe): use the data folder it was trained with",
        slow=True,
    ),
    "no split": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --gen-subset dev",
        "extract_attention.py: error: no split 'dev' in '{data}': it holds test, train, valid",
    ),
    "unknown ending": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.txt",
        "extract_attention.py: error: attention file '{out}/a.txt' must end in .npz, .safetensors, .jsonl, .bertviz, .nematus, .fairseq, .marian or .pharaoh",
    ),
    "no folder to write to": Case(
        "extract_attention.py {data} --path {good} --output {out}/none/a.npz",
        "extract_attention.py: error: folder '{out}/none' does not exist: make it, or choose another place for 'a.npz'",
    ),
    "unknown format": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --format xml",
        "extract_attention.py: error: no format 'xml': choose one of npz, safetensors, jsonl, bertviz, nematus, fairseq, marian, pharaoh",
        slow=True,
    ),
    "unknown merging": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --merge all",
        "extract_attention.py: error: no way to merge subwords called 'all': choose one of none, sentencepiece, sentencepiece-suffix, bpe",
        slow=True,
    ),
    "nothing to merge": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --merge bpe",
        "extract_attention.py: error: --merge bpe: a piece ends in '@@' in 0 of 60 source and target sentences, the data is not in such pieces: leave --merge out",
        slow=True,
    ),
    "no hypothesis": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --nbest 0",
        "extract_attention.py: error: --nbest must be from 1 to --beam 5, but is 0",
        slow=True,
    ),
    "beam and no beam": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --beam 5 --greedy",
        "extract_attention.py: error: argument --greedy: not allowed with argument --beam",
    ),
    "one file twice": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz {out}/b.npz {out}/a.npz",
        "extract_attention.py: error: --output names '{out}/a.npz' twice: name each file once",
    ),
    "unknown recurrence": Case(
        "fairseq-generate {data} COPY --path {good} --model-overrides \"{{'recurrence':'best'}}\"",
        "fairseq-generate: error: no --recurrence called 'best': choose one of auto, naive, hoisted, fixed, batched, fused",
    ),
    "generate, no beam": Case(
        "fairseq-generate {data} COPY --path {good} --beam 0",
        "fairseq-generate: error: --beam must be at least 1, but is 0",
    ),
    "generate, no hypothesis": Case(
        "fairseq-generate {data} COPY --path {good} --nbest 0",
        "fairseq-generate: error: --nbest must be at least 1, but is 0",
        slow=True,
    ),
    "more than the beam": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --nbest 9",
        "extract_attention.py: error: --nbest must be from 1 to --beam 5, but is 9",
    ),
    "several of one reference": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --forced --nbest 2",
        "extract_attention.py: error: --nbest 2 with --forced: a sentence has one reference; leave --nbest out",
        slow=True,
    ),
    "a line for several": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.marian --nbest 2",
        "extract_attention.py: error: --nbest 2: '{out}/a.marian' has one line a sentence: write .jsonl, or --nbest 1",
        slow=True,
    ),
    "batch of none": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --batch-size 0",
        "extract_attention.py: error: --batch-size must be at least 1, but is 0",
        slow=True,
    ),
    "negative beam": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --beam -1",
        "extract_attention.py: error: --beam must be at least 1, but is -1",
    ),
    "unknown option": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --nosuch",
        "extract_attention.py: error: unrecognized arguments: --nosuch",
        slow=True,
    ),
    "temperature": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --temperature 0",
        "extract_attention.py: error: --temperature must be a number above 0, but is 0.0",
    ),
    "seed": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --seed -1",
        "extract_attention.py: error: --seed must be from 0 to 4000000000, but is -1",
    ),
    "without effect": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --lm-path lm.pt --lm-weight 0.5",
        "extract_attention.py: error: --lm-path has no effect on an extraction: decode with fairseq-generate --print-alignment soft, and name its output NAME.fairseq",
    ),
    "translation, no folder of data": Case(
        "extract_attention.py {bad}/none --task translation --path {good} --output {out}/a.npz",
        "extract_attention.py: error: no dataset folder at '{bad}/none': name one that fairseq-preprocess made",
    ),
    "translation, no split": Case(
        "extract_attention.py {data} --task translation --path {good} --output {out}/a.npz --gen-subset dev",
        "extract_attention.py: error: Dataset not found: dev ({data})",
    ),
    "translation, too long": Case(
        "extract_attention.py {data} --task translation --path {good} --output {out}/a.npz --max-source-positions 3",
        "extract_attention.py: error: Size of sample #[..] is invalid (=[..]) since max_positions=[..], skip this example with --skip-invalid-size-inputs-valid-test",
    ),
    "translation, temperature": Case(
        "extract_attention.py {data} --task translation --path {good} --output {out}/a.npz --temperature nan",
        "extract_attention.py: error: --temperature must be a number above 0, but is nan",
        slow=True,
    ),
    "overrides are none": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --model-overrides x",
        "extract_attention.py: error: --model-overrides must be a Python dictionary, as in \"{{'dropout': 0.1}}\", but is 'x'",
        slow=True,
    ),
}


@table(FAIRSEQ)
def test_fairseq(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(EXTRACTION)
def test_extraction(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
