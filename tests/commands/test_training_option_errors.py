"""fairseq-train and fairseq-hydra-train: options of task and model that make no sense, alone or together."""

from pathlib import Path

import hydra
import pytest

from tests.support.case import Case, check, table, words_of
from tests.support.commands import Commands

OPTIONS = {
    "fairseq-train {data} TRAIN --train-subset dev": "no split 'dev' in '{data}'[..]",
    "fairseq-train {data} TRAIN --decoder-hidden-size 8": "--decoder-init last needs encoder states of the decoder's size, but they have 64 units and the decoder 8[..]",
    "fairseq-train {data} TRAIN --encoder-hidden-size -8": "--encoder-hidden-size must be at least 1, but is -8[..]",
    "fairseq-train {data} TRAIN --attention-dim many": "argument --attention-dim: invalid int value: 'many' (`fairseq-train --help` lists the options)",
    "fairseq-train {data} TRAIN --eval-beam 0 --best-checkpoint-metric exact_match": "--best-checkpoint-metric exact_match is of decoded sequences, which --eval-beam 0 leaves out: drop one of the two",
    "fairseq-train {data} TRAIN --attention best": "argument --attention: invalid choice: 'best' (choose from [..]) (`fairseq-train --help` lists the options)",
    "fairseq-train {data} TRAIN --location-kernel 5": "--location-kernel is for --attention location, but --attention is additive[..]",
    "fairseq-train {data} TRAIN --encoder-embed-path {bad}/binary": "'{bad}/binary' is no text file of embeddings [..]",
    "fairseq-train {data} TRAIN --max-source-positions 1": "all 300 samples are longer than (source, target) = (1, 2147483647): raise --max-source-positions or --max-target-positions",
    "fairseq-train {data} TRAIN --arch lstm --criterion chunked_cross_entropy": "--criterion chunked_cross_entropy does not know the output layer of LSTMModel: use --criterion cross_entropy or label_smoothed_cross_entropy",
    "fairseq-train {data} TRAIN --cpu --memory-efficient-fp16 --optimizer fused_adamw": "--memory-efficient-fp16 needs an optimizer that keeps its moments in float32, which --optimizer fused_adamw does not: use --optimizer adam",
    "fairseq-train {data} TRAIN --cpu --fp16": "--fp16 needs a GPU to train on: leave it out, or train with --memory-efficient-fp16",
    "fairseq-train {data} TRAIN --update-freq 0": "--update-freq must be at least 1, but is 0",
    "fairseq-train {data} TRAIN --seed 4294967295": "--seed must be from 0 to 4000000000[..]",
    "fairseq-train {data} TRAIN --required-batch-size-multiple 0": "--required-batch-size-multiple must be from 1 to 2147483647, but is 0",
}
SLOW_OPTIONS = {
    "fairseq-train {data} TRAIN --seed -1": "--seed must be from 0 to[..]",
    "fairseq-train {data} TRAIN --max-tokens -1": "--max-tokens must be from 1 to 2147483647, but is -1",
    "fairseq-train {data} TRAIN --required-seq-len-multiple 0": "--required-seq-len-multiple must be at least 1, but is 0",
    "fairseq-train {data} TRAIN --attention-dim 99999999999999999999": "--attention-dim must be at most 2147483647, but is 99999999999999999999",
}


HYDRA = {
    "fairseq-hydra-train HYDRA task.data={out}/none": "no dataset folder at '{out}/none'[..]",
    "fairseq-hydra-train HYDRA task.data={data} model.attention_dim=0": "--attention-dim must be at least 1[..]",
    "fairseq-hydra-train HYDRA task.data={data} common.cpu=true common.fp16=true": "--fp16 needs a GPU to train on[..]",
}


@table(OPTIONS, SLOW_OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


def test_no_usage_stands_before_a_line(commands: Commands, places: dict[str, Path]) -> None:
    outcome = commands(*words_of("fairseq-train {data} TRAIN --attention best", places))
    assert outcome.err.startswith("fairseq-train: error: argument --attention: ")


@table(HYDRA, leaves=("hydra_train.log",))
def test_hydra(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@pytest.mark.skipif(hydra.__version__ < "1.1", reason="hydra itself refuses it, and cannot print why")
def test_hydra_without_data(commands: Commands, places: dict[str, Path]) -> None:
    message = "fairseq-hydra-train: error: no dataset folder given[..]"
    check(Case("fairseq-hydra-train HYDRA", message, leaves=("hydra_train.log",)), commands, places)
