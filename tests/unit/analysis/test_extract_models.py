"""Attention of fairseq's own models: in the places of its source tokens, whatever the padding and the batches."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import extract, generation_config, load
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.commands import Commands, train_words

MODELS = {
    "lstm": ("--encoder-embed-dim", 8, "--decoder-embed-dim", 8, "--encoder-hidden-size", 8, "--encoder-bidirectional",
             "--decoder-hidden-size", 8, "--decoder-out-embed-dim", 8, "--lr", 0.05),
    "transformer": ("--encoder-embed-dim", 8, "--decoder-embed-dim", 8, "--encoder-ffn-embed-dim", 8,
                    "--decoder-ffn-embed-dim", 8, "--encoder-attention-heads", 2, "--decoder-attention-heads", 2,
                    "--encoder-layers", 1, "--decoder-layers", 2),
}  # fmt: skip


def train(commands: Commands, data: Path, folder: Path, arch: str, *more: object) -> Path:
    words = train_words(data, folder, "--max-update", 20, "--disable-validation", *more)
    words[words.index("gru_attention_copy")] = arch
    commands.succeed(*words)
    return folder / "checkpoint_last.pt"


def extracted(data: Path, path: Path, *options: object) -> list[AttentionRecord]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's
        cfg = generation_config([str(word) for word in (data, "--path", path, "--num-workers", 0, *options)])
        return extract(load(cfg), cfg)


@pytest.mark.slow
@pytest.mark.parametrize("arch", MODELS)
def test_padding_and_batches_change_nothing(commands: Commands, copy_data: Path, tmp_path: Path, arch: str) -> None:
    path = train(commands, copy_data, tmp_path, arch, *MODELS[arch])
    for forced in ((), ("--score-reference",)):
        single = extracted(copy_data, path, "--batch-size", 1, *forced)
        assert [record.id for record in single] == list(range(30))
        for padding in ((), ("--left-pad-source",)):
            batched = extracted(copy_data, path, "--batch-size", 16, *forced, *padding)
            for mine, theirs in zip(batched, single, strict=True):
                assert (mine.source, mine.target) == (theirs.source, theirs.target)
                np.testing.assert_allclose(mine.weights, theirs.weights, rtol=0, atol=1e-5)
                np.testing.assert_allclose(mine.weights.sum(axis=1), 1, atol=1e-5)
        assert np.ptp(single[0].weights[0]) > 1e-4, "even weights would hide a shift"


@pytest.mark.slow
def test_a_model_without_attention(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    path = train(commands, copy_data, tmp_path, "lstm", *MODELS["lstm"], "--decoder-attention", 0)
    for forced in ((), ("--score-reference",)):
        with pytest.raises(UserError, match="the model returns no attention: "):
            extracted(copy_data, path, *forced)
