"""fairseq-train: checkpoints that a training cannot go on or start from."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from data_gen.errors import UserError
from fairseq_plugin.checkpoints.writing import claimed
from tests.support.case import Case, check, table, words_of
from tests.support.commands import Commands

CHECKPOINTS = {
    "fairseq-train {data} TRAIN --restore-file {bad}/text.pt": "'{bad}/text.pt' is no checkpoint, or damaged (IndexError): name one that fairseq-train wrote, or go on from an earlier one",
    "fairseq-train {data} TRAIN --restore-file {bad}/dict.pt": "'{bad}/dict.pt' is no checkpoint, or damaged (KeyError)[..]",
    "fairseq-train {data} TRAIN --restore-file {bad}/nan.pt": "parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm",
    "fairseq-train {data} TRAIN --restore-file {lstm}": "'{lstm}' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"encoder.gru.weight_ih_l0\"): use the --arch and the options that it was trained with",
    "fairseq-train {larger} TRAIN --restore-file {good}": "the checkpoint knows 8 source symbols, but the dictionary has 24[..]",
    "fairseq-train {data} TRAIN --optimizer sgd --restore-file {good}": "Optimizer does not match; please reset the optimizer (--reset-optimizer). FairseqAdam vs SGD",
    "fairseq-train {data} TRAIN --finetune-from-model {good} --restore-file {good}": "--finetune-from-model {good} and --restore-file {good}: a training starts from one of them, leave the other out",
    "fairseq-train {data} TRAIN --store-ema --restore-file {good}": "--store-ema: {good} has no moving average to go on from: leave it out, or name a checkpoint of a training with it",
    "fairseq-train {data} TRAIN --finetune-from-model {good} --reset-optimizer": "--finetune-from-model {good} resets all but the model by itself: leave out --reset-optimizer",
}
SLOW_CHECKPOINTS = {
    "fairseq-train {data} TRAIN --restore-file {bad}/empty.pt": "'{bad}/empty.pt' is no checkpoint, or damaged (EOFError)[..]",
    "fairseq-train {data} TRAIN --restore-file {bad}/binary.pt": "'{bad}/binary.pt' is no checkpoint, or damaged (UnpicklingError)[..]",
    "fairseq-train {data} TRAIN --restore-file {bad}/cut.pt": "'{bad}/cut.pt' is no checkpoint, or damaged (BadZipFile)[..]",
    "fairseq-train {data} TRAIN --restore-file {bad}/list.pt": "'{bad}/list.pt' is no checkpoint, or damaged (TypeError)[..]",
    "fairseq-train {data} TRAIN --restore-file {bad}/no-cfg.pt": "'{bad}/no-cfg.pt' is no checkpoint of fairseq, it has no cfg or args: name one that fairseq-train wrote",
    "fairseq-train {data} TRAIN --restore-file {bad}/no-model.pt": "'{bad}/no-model.pt' is no checkpoint of fairseq, it has no model or args: name one that fairseq-train wrote",
    "fairseq-train {data} TRAIN --restore-file {bad}/parameter.pt": "'{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\"): use the --arch and the options that it was trained with",
    "fairseq-train {data} TRAIN --restore-file {bad}/size.pt": "'{bad}/size.pt' is a checkpoint of another model than GRUAttentionModel with these options (Unexpected key(s) in state_dict: \"decoder.attention.v\"): use the --arch and the options that it was trained with",
    "fairseq-train {data} TRAIN --finetune-from-model {bad}/inf.pt": "parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm",
    "fairseq-train {data} TRAIN --finetune-from-model {lstm}": "'{lstm}' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"encoder.gru.weight_ih_l0\"): use the --arch and the options that it was trained with",
    "fairseq-train {data} TRAIN --arch lstm --restore-file {good}": "'{good}' is a checkpoint of another model than LSTMModel with these options (Missing key(s) in state_dict: \"encoder.lstm.weight_ih_l0\"): use the --arch and the options that it was trained with",
    "fairseq-train {bad}/dict-turned TRAIN --finetune-from-model {good}": "the source dictionary has other symbols than the one that the checkpoint was trained with[..]",
    "fairseq-train {data} TRAIN --finetune-from-model {bad}/none.pt": "no checkpoint at '{bad}/none.pt'[..]",
    "fairseq-train {data} TRAIN --store-ema --finetune-from-model {good}": "--store-ema: {good} has no moving average to go on from: leave it out, or name a checkpoint of a training with it",
}


@table(CHECKPOINTS, SLOW_CHECKPOINTS)
def test_checkpoints(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@pytest.mark.parametrize("name", ["checkpoint_last.pt", "checkpoint_best.pt", "checkpoint1.pt"])
def test_a_folder_where_a_checkpoint_goes(commands: Commands, places: dict[str, Path], name: str) -> None:
    folder = places["out"] / "checkpoints" / name
    folder.mkdir(parents=True)
    message = (
        f"fairseq-train: error: --save-dir '{{out}}/checkpoints' has a folder '{name}' where a checkpoint goes: move it "
        "away, or name another --save-dir"
    )
    check(Case("fairseq-train {data} TRAIN", message, leaves=(name, "checkpoints")), commands, places)


def test_another_training_in_the_folder(commands: Commands, places: dict[str, Path]) -> None:
    folder = places["out"] / "checkpoints"
    message = "fairseq-train: error: another process trains into --save-dir '{out}/checkpoints'[..]"
    with suppress(UserError), claimed(str(folder)):
        check(Case("fairseq-train {data} TRAIN", message, leaves=("checkpoints",)), commands, places)
        raise UserError("given up")
    commands.succeed(*words_of("fairseq-train {data} TRAIN", places))


def test_another_model_in_its_folder(commands: Commands, places: dict[str, Path]) -> None:
    last = places["out"] / "checkpoints" / "checkpoint_last.pt"
    last.parent.mkdir()
    shutil.copy(places["lstm"], last)
    message = f"fairseq-train: error: '{last}' is a checkpoint of another model than [..], or name another --save-dir"
    check(Case("fairseq-train {data} TRAIN", message, leaves=("checkpoint_last.pt", "checkpoints")), commands, places)


def test_a_file_to_go_on_from_that_is_missing(commands: Commands, places: dict[str, Path]) -> None:
    """fairseq begins anew, as it must where a script names a checkpoint that the first run has yet to write."""
    outcome = commands.succeed(*words_of("fairseq-train {data} TRAIN --restore-file {bad}/none.pt", places))
    warning = f"no checkpoint at '{places['bad']}/none.pt' (--restore-file): the training begins anew"
    assert warning in outcome.out + outcome.err


def test_a_training_that_is_done(commands: Commands, places: dict[str, Path]) -> None:
    """The same command again is no error: scripts repeat it until it has nothing to do."""
    words = words_of("fairseq-train {data} TRAIN --max-update 0 --max-epoch 1", places)
    nothing = "nothing is left to train: the checkpoint that this training goes on from has reached --max-epoch 1; "
    first, again = commands.succeed(*words), commands.succeed(*words)
    assert nothing not in first.out + first.err
    assert f"{nothing}raise it to train longer, or name another --save-dir to begin anew\n" in again.out + again.err
    restored = [*words, "--restore-file", str(places["out"] / "checkpoints" / "checkpoint_last.pt")]
    restored[restored.index("--save-dir") + 1] = str(places["out"] / "other")
    third, anew = commands.succeed(*restored), commands.succeed(*restored, "--reset-dataloader")
    advice = "raise it to train longer, or name it with --finetune-from-model to begin anew\n"
    assert nothing + advice in third.out + third.err
    assert nothing not in anew.out + anew.err


def test_a_training_that_has_done_its_updates(commands: Commands, places: dict[str, Path]) -> None:
    """fairseq would do one more at each start and write its checkpoints again."""
    words = words_of("fairseq-train {data} TRAIN --max-update 3", places)
    commands.succeed(*words)
    last = places["out"] / "checkpoints" / "checkpoint_last.pt"
    before = last.read_bytes()
    again = commands.succeed(*words)
    assert (
        "nothing is left to train: the checkpoint that this training goes on from has reached --max-update 3; raise it "
        "to train longer, or name another --save-dir to begin anew\n"
    ) in again.out + again.err
    assert last.read_bytes() == before
    assert "num_updates" not in again.out + again.err
