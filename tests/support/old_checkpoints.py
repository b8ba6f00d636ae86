"""Checkpoints of a release, small enough to keep, with what they decode.

    python -m tests.support.old_checkpoints

Trains each of ``FAMILY`` for a few seconds and writes, for the present version, ``tests/data/checkpoints-VERSION/``:
``NAME.pt`` without the optimizer's state, the dictionaries, and ``expected.json``, the best hypotheses of ``SENTENCES``
with their scores and attention. Run once at a release. A folder is never made again: a checkpoint that users may have
has to load for as long as the test beside this file says so.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from fairseq_plugin import __version__
from fairseq_plugin.models.gru_attention import GRUAttentionModel

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "data" / f"checkpoints-{__version__}"
DATA = CopySpec(num_symbols=4, min_len=2, max_len=4, train=1000, valid=20, test=20)
SENTENCES = ("a b", "d c c", "b a d c", "a a a a", "c d b a c")  # the last is longer than any trained on
SIZES = ("--encoder-embed-dim", "6", "--encoder-hidden-size", "10", "--attention-dim", "8", "--readout-dim", "8")
SIZES += ("--decoder-embed-dim", "6", "--decoder-hidden-size", "10")
FAMILY = {
    "additive": (),
    "none": ("--attention", "none"),
    "general-input-feeding": ("--attention", "general", "--input-feeding", "--decoder-init", "tanh"),
    "concat": ("--attention", "concat", "--encoder-layers", "2", "--decoder-layers", "2"),
    "normed": ("--attention", "normed", "--readout", "tanh"),
    "location": ("--attention", "location", "--location-kernel", "3", "--location-channels", "2"),
    "ntm": ("--attention", "ntm", "--share-all-embeddings"),
    "shift": ("--attention", "shift", "--decoder-init", "tanh"),
    "paper": ("--arch", "rnnsearch"),
}


def main() -> None:
    """Make the folder of the present version."""
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        make_copy_dataset(DATA, data)
        for side in ("src", "tgt"):
            shutil.copy(data / f"dict.{side}.txt", FOLDER)
        for member, options in FAMILY.items():
            train(data, Path(name) / member, options)
            shutil.copy(Path(name) / member / "checkpoint_last.pt", FOLDER / f"{member}.pt")
    expected = {member: decode(FOLDER, member) for member in FAMILY}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def train(data: Path, save_dir: Path, options: tuple[str, ...]) -> None:
    """Train a tiny model with ``options``."""
    command = [sys.executable, "-W", "ignore", "-m", "fairseq_cli.train", str(data)]
    command += ["--user-dir", "fairseq_plugin", "--task", "copy", "--arch", "gru_attention_copy", *SIZES, *options]
    command += ["--criterion", "cross_entropy", "--optimizer", "adam", "--lr", "0.02", "--batch-size", "16"]
    command += ["--max-epoch", "6", "--seed", "1", "--num-workers", "0", "--save-dir", str(save_dir)]
    command += ["--no-epoch-checkpoints", "--no-save-optimizer-state"]
    subprocess.run(command, cwd=ROOT, check=True)


def decode(folder: Path, member: str) -> list[dict[str, Any]]:
    """What a checkpoint makes of ``SENTENCES``: text, and where it has attention, score and weights (T, S)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fairseq and hydra
        # The languages are named because there is no data to read them from.
        model = GRUAttentionModel.from_pretrained(
            str(folder), f"{member}.pt", str(folder), source_lang="src", target_lang="tgt"
        )
        if member == "none":
            return [{"text": text} for text in model.translate(list(SENTENCES), beam=3)]
        made = model.translate(list(SENTENCES), beam=3, return_attention=True)
    return [
        {
            "text": each.text,
            "score": round(float(each.attention.score), 5),
            "weights": [[round(float(weight), 5) for weight in row] for row in each.attention.weights],
        }
        for each in made
    ]


if __name__ == "__main__":
    main()
