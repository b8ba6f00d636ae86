"""Whatever fairseq keeps in a checkpoint is plain, and the training goes on from it and decodes."""

import pickletools
import re
import zipfile
from pathlib import Path

import pytest
from fairseq.criterions import CRITERION_REGISTRY
from fairseq.optim import OPTIMIZER_REGISTRY
from fairseq.optim.lr_scheduler import LR_SCHEDULER_REGISTRY

from tests.support.commands import PLUGIN, Commands

TRAININGS = {
    "BLEU": "--criterion cross_entropy --optimizer adam --lr-scheduler fixed --force-anneal 1 "
    "--eval-bleu --eval-tokenized-bleu --best-checkpoint-metric bleu --maximize-best-checkpoint-metric",
    "moving average": "--criterion chunked_cross_entropy --optimizer fused_adamw --lr-scheduler inverse_sqrt "
    "--warmup-updates 3 --store-ema --ema-decay 0.99",
    "moving average in single precision": "--criterion label_smoothed_cross_entropy --label-smoothing 0.1 "
    "--report-accuracy --optimizer adagrad --lr-scheduler cosine --warmup-updates 1 --store-ema --ema-fp32",
    "mixed precision": "--criterion label_smoothed_cross_entropy_with_rdrop --optimizer adadelta "
    "--lr-scheduler manual --update2lr {'1-2':0.01,'3':0.02} --amp",
    "half precision": "--criterion cross_entropy --optimizer adafactor --scale-parameter "
    "--lr-scheduler polynomial_decay --total-num-update 9 --memory-efficient-fp16 --cpu",
    "plateaus": "--criterion cross_entropy --optimizer sgd --momentum 0.9 --lr-scheduler reduce_lr_on_plateau",
    "best checkpoints": "--criterion cross_entropy --optimizer adamax --lr-scheduler step --lr-deacy-period 2 "
    "--keep-best-checkpoints 2 --patience 9",
    "several batches in one update": "--criterion cross_entropy --optimizer nag --lr-scheduler tri_stage "
    "--warmup-steps 1 --hold-steps 1 --decay-steps 5 --update-freq 2 --clip-norm 0.1",
    "triangles": "--criterion cross_entropy --optimizer adam --lr-scheduler triangular --max-lr 0.02",
}
MODEL, SPEECH = "needs another model", "needs a model of speech"
NOT_TRIED = {
    "criterion": {
        "label_smoothed_cross_entropy_with_alignment": "needs data with alignments",
        "vocab_parallel_cross_entropy": "needs the package megatron",
        **dict.fromkeys(("adaptive_loss", "latency_augmented_label_smoothed_cross_entropy", "masked_lm"), MODEL),
        **dict.fromkeys(("composite_loss", "legacy_masked_lm_loss", "model", "nat_loss"), MODEL),
        **dict.fromkeys(("sentence_prediction", "sentence_prediction_adapters", "sentence_ranking"), MODEL),
        **dict.fromkeys(("ctc", "fastspeech2", "hubert", "label_smoothed_cross_entropy_with_ctc"), SPEECH),
        **dict.fromkeys(("speech_dlm_criterion", "speech_to_spectrogram", "speech_to_spectrogram_2pass"), SPEECH),
        **dict.fromkeys(("speech_to_unit", "speech_to_unit_2pass", "speech_unit_lm_criterion"), SPEECH),
        **dict.fromkeys(("tacotron2", "wav2vec"), SPEECH),
    },
    "optimizer": {
        "composite": "needs a model with groups of parameters",
        "cpu_adam": "needs the package deepspeed",
        "lamb": "needs the package apex",
    },
    "lr-scheduler": {"pass_through": "needs the optimizer composite"},
}
# Not in fairseq 0.12.2.
LATER = {"label_smoothed_cross_entropy_with_rdrop", "speech_dlm_criterion"}
LATER |= {"speech_to_spectrogram_2pass", "speech_to_unit_2pass"}
REGISTRIES = {"criterion": CRITERION_REGISTRY, "optimizer": OPTIMIZER_REGISTRY, "lr-scheduler": LR_SCHEDULER_REGISTRY}


@pytest.mark.parametrize("option", NOT_TRIED)
def test_all_of_fairseq_is_tried_or_has_a_reason(option: str) -> None:
    tried = set(re.findall(rf"--{option} (\w+)", " ".join(TRAININGS.values())))
    later = LATER if option == "criterion" else set()
    assert (REGISTRIES[option].keys() | later) - tried == NOT_TRIED[option].keys()


def names_in(path: Path) -> set[str]:
    """Classes and functions that a checkpoint asks for."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        return {str(value) for code, value, _ in pickletools.genops(archive.read(name)) if code.name == "GLOBAL"}


@pytest.mark.parametrize(
    "more",
    [pytest.param(more, id=name, marks=() if name == "BLEU" else pytest.mark.slow) for name, more in TRAININGS.items()],
)
def test_a_training_goes_on_and_decodes(commands: Commands, copy_data: Path, tmp_path: Path, more: str) -> None:
    if (criterion := more.split()[1]) not in CRITERION_REGISTRY:
        pytest.skip(f"{criterion} is not in this fairseq")
    task = ("--user-dir", PLUGIN, "--task", "translation", "-s", "src", "-t", "tgt")
    words = ["fairseq-train", copy_data, *task, "--arch", "gru_attention_copy", "--num-workers", 0, "--lr", 0.01]
    words += ["--batch-size", 32, "--save-dir", tmp_path, "--save-interval-updates", 1, "--max-epoch", 1, *more.split()]
    commands.succeed(*words, "--max-update", 2)
    last = tmp_path / "checkpoint_last.pt"
    plain = r"torch(\._utils _rebuild_(tensor_v2|parameter)| \w+Storage)|collections OrderedDict|argparse Namespace"
    assert [name for name in names_in(last) if not re.fullmatch(plain, name)] == []
    resumed = commands.succeed(*words, "--max-update", 4)
    assert f"Loaded checkpoint {last} (epoch 1 @ 2 updates)" in resumed.out
    assert (tmp_path / "checkpoint_1_4.pt").is_file()
    decoded = commands.succeed(
        "fairseq-generate", copy_data, *task, "--path", last, "--required-batch-size-multiple", 1
    )
    assert decoded.out.count("\nH-") == 30
