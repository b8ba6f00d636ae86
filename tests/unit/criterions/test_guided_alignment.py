"""Guided alignment: fairseq's label_smoothed_cross_entropy_with_alignment trains the attention of every score."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy_with_alignment import (
    LabelSmoothedCrossEntropyCriterionWithAlignment,
)

from tests.support import building
from tests.support.commands import PLUGIN, Commands, error_line
from tests.unit.modules.test_recurrence import KINDS, PAIRS

GUIDED = [pair for pair in PAIRS if pair[0] != "none"]
LETTERS = ("a b c", "d a", "b b c d", "c")


@pytest.mark.parametrize(("kind", "way"), GUIDED, ids=map(", ".join, GUIDED))
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_the_loss_is_that_of_the_weights_of_the_links(kind: str, way: str, left: bool) -> None:
    options = {**KINDS[kind], "attention": KINDS[kind]["kind"], "recurrence": way}
    model = building.model(**options, gru_cell="paper" if way == "hoisted" else "torch")
    net_input = building.batch([3, 5], left_source=left)
    links = [(0, 0, 1), (0, 2, 1), (1, 4, 3)]  # sentence, source word, target word: two share the target word 1
    shares = [0.5, 0.5, 1.0]
    starts = net_input["src_tokens"].ne(building.PAD).long().argmax(dim=1).tolist()
    steps = net_input["prev_output_tokens"].size(1)
    sample = {
        "net_input": net_input,
        "target": net_input["src_tokens"],
        "ntokens": 10,
        "alignments": torch.tensor([(starts[b] + s, b * steps + t) for b, s, t in links]),
        "align_weights": torch.tensor(shares),
    }
    task = SimpleNamespace(target_dictionary=building.dictionary())
    criterion = LabelSmoothedCrossEntropyCriterionWithAlignment(task, False, 0.0, alignment_lambda=1.0)
    loss, _, logged = criterion(model, sample)
    loss.backward()
    weights = model(**net_input)[1]["attn"][0]
    by_hand = -sum(n * weights[b, t, starts[b] + s].log() for (b, s, t), n in zip(links, shares, strict=True))
    assert logged["alignment_loss"] == pytest.approx(by_hand.item(), rel=1e-5)
    assert all(parameter.grad is not None for parameter in model.decoder.attention.parameters())


@pytest.fixture(scope="module")
def data(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences to copy, with links from each letter to itself."""
    folder = tmp_path_factory.mktemp("guided")
    links = [" ".join(f"{place}-{place}" for place in range(len(line.split()))) for line in LETTERS]
    for ending, lines in (("src", LETTERS), ("tgt", LETTERS), ("align", links)):
        (folder / f"text.{ending}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    words = ["fairseq-preprocess", "--source-lang", "src", "--target-lang", "tgt", "--align-suffix", "align"]
    for side, option in (("src", "--srcdict"), ("tgt", "--tgtdict")):
        words += [option, copy_data / f"dict.{side}.txt"]
    for split in ("train", "valid"):
        words += [f"--{split}pref", folder / "text"]
    commands.succeed(*words, "--destdir", folder / "data")
    return folder / "data"


def train_words(data: Path, save_dir: Path, *more: object) -> list[object]:
    return [
        *("fairseq-train", data, "--user-dir", PLUGIN, "--task", "translation", "--load-alignments"),
        *("--source-lang", "src", "--target-lang", "tgt", "--arch", "gru_attention_copy"),
        *("--criterion", "label_smoothed_cross_entropy_with_alignment", "--label-smoothing", 0.1),
        *("--optimizer", "adam", "--lr", 0.01, "--batch-size", 2, "--required-batch-size-multiple", 1),
        *("--max-update", 2, "--num-workers", 0, "--save-dir", save_dir, "--no-epoch-checkpoints", *more),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["additive", "normed", "shift", "general"])
def test_training(commands: Commands, data: Path, tmp_path: Path, attention: str) -> None:
    outcome = commands.succeed(*train_words(data, tmp_path, "--attention", attention))
    (line,) = (line for line in outcome.out.splitlines() if "valid on 'valid' subset" in line)
    assert " | alignment_loss " in line
    assert (tmp_path / "checkpoint_last.pt").exists()


def test_without_attention(commands: Commands, data: Path, tmp_path: Path) -> None:
    outcome = commands(*train_words(data, tmp_path, "--attention", "none"))
    assert outcome.code == 2
    assert error_line(outcome) == (
        "fairseq-train: error: --load-alignments guides the attention, but with --attention none there is none: "
        "leave it out, or choose another attention"
    )
