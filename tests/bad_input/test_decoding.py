"""fairseq-generate, -interactive, -validate and extract_attention.py: checkpoints, data, options."""

from pathlib import Path

import pytest

from tests.bad_input.case import Case, check
from tests.commands import Commands

FAIRSEQ = {
    "generate, no checkpoint": Case("fairseq-generate {data} COPY --path {bad}/none.pt", "X"),
    "generate, second of two missing": Case("fairseq-generate {data} COPY --path {good}:{bad}/none.pt", "X"),
    "generate, a folder": Case("fairseq-generate {data} COPY --path {bad}", "X"),
    "generate, no path": Case("fairseq-generate {data} COPY", "X"),
    "generate, text": Case("fairseq-generate {data} COPY --path {bad}/text.pt", "X"),
    "generate, empty": Case("fairseq-generate {data} COPY --path {bad}/empty.pt", "X"),
    "generate, cut short": Case("fairseq-generate {data} COPY --path {bad}/cut.pt", "X"),
    "generate, a dictionary": Case("fairseq-generate {data} COPY --path {bad}/dict.pt", "X"),
    "generate, unknown architecture": Case("fairseq-generate {data} COPY --path {bad}/arch.pt", "X"),
    "generate, a weight NaN": Case("fairseq-generate {data} COPY --path {bad}/nan.pt", "X"),
    "generate, a parameter missing": Case("fairseq-generate {data} COPY --path {bad}/parameter.pt", "X"),
    "generate, other symbols": Case("fairseq-generate {bad}/dict-turned COPY --path {good}", "X"),
    "generate, the other way round": Case(
        "fairseq-generate {data} COPY --path {good} --source-lang tgt --target-lang src", "X"
    ),
    "generate, no split": Case("fairseq-generate {data} COPY --path {good} --gen-subset dev", "X"),
    "generate, ids out of range": Case(
        "fairseq-generate {bad}/id-outside COPY --path {good} --gen-subset train", "X"
    ),
    "generate, overrides are none": Case("fairseq-generate {data} COPY --path {good} --model-overrides x", "X"),
    "interactive, no checkpoint": Case("fairseq-interactive {data} COPY --path {bad}/none.pt", "X"),
    "interactive, binary": Case("fairseq-interactive {data} COPY --path {bad}/binary.pt", "X"),
    "interactive, no input file": Case("fairseq-interactive {data} COPY --path {good} --input {bad}/none", "X"),
    "validate, no checkpoint": Case("fairseq-validate {data} COPY --path {bad}/none.pt --batch-size 9", "X"),
    "validate, cut short": Case("fairseq-validate {data} COPY --path {bad}/cut.pt --batch-size 9", "X"),
    "validate, a weight NaN": Case("fairseq-validate {data} COPY --path {bad}/nan.pt --batch-size 9", "X"),
    "validate, a parameter missing": Case("fairseq-validate {data} COPY --path {bad}/parameter.pt --batch-size 9", "X"),
}

EXTRACTION = {
    "no checkpoint": Case("extract_attention.py {data} --path {bad}/none.pt --output {out}/a.npz", "X"),
    "a folder": Case("extract_attention.py {data} --path {bad} --output {out}/a.npz", "X"),
    "text": Case("extract_attention.py {data} --path {bad}/text.pt --output {out}/a.npz", "X"),
    "cut short": Case("extract_attention.py {data} --path {good}:{bad}/cut.pt --output {out}/a.npz", "X"),
    "a list": Case("extract_attention.py {data} --path {bad}/list.pt --output {out}/a.npz", "X"),
    "unknown architecture": Case("extract_attention.py {data} --path {bad}/arch.pt --output {out}/a.npz", "X"),
    "a weight infinite": Case("extract_attention.py {data} --path {bad}/inf.pt --output {out}/a.npz", "X"),
    "a parameter missing": Case("extract_attention.py {data} --path {bad}/parameter.pt --output {out}/a.npz", "X"),
    "no folder of data": Case("extract_attention.py {bad}/none --path {good} --output {out}/a.npz", "X"),
    "other data": Case("extract_attention.py {larger} --path {good} --output {out}/a.npz", "X"),
    "no split": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --gen-subset dev", "X"),
    "unknown ending": Case("extract_attention.py {data} --path {good} --output {out}/a.txt", "X"),
    "no folder to write to": Case("extract_attention.py {data} --path {good} --output {out}/none/a.npz", "X"),
    "unknown format": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --format xml", "X"),
    "unknown merging": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --merge all", "X"),
    "nothing to merge": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --merge bpe", "X"),
    "no hypothesis": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --nbest 0", "X"),
    "more than the beam": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --nbest 9", "X"),
    "several of one reference": Case(
        "extract_attention.py {data} --path {good} --output {out}/a.npz --forced --nbest 2", "X"
    ),
    "a line for several": Case("extract_attention.py {data} --path {good} --output {out}/a.marian --nbest 2", "X"),
    "batch of none": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --batch-size 0", "X"),
    "negative beam": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --beam -1", "X"),
    "unknown option": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --nosuch", "X"),
    "overrides are none": Case("extract_attention.py {data} --path {good} --output {out}/a.npz --model-overrides x", "X"),
}


@pytest.mark.parametrize("case", FAIRSEQ.values(), ids=FAIRSEQ.keys())
def test_fairseq(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@pytest.mark.parametrize("case", EXTRACTION.values(), ids=EXTRACTION.keys())
def test_extraction(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
