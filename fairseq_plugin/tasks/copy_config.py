"""Options of the task ``copy``."""

from dataclasses import dataclass, field
from typing import Optional

from fairseq import utils
from fairseq.data.indexed_dataset import get_available_dataset_impl
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II

from data_gen.copy.spec import SOURCE_LANGUAGE, SPLITS, TARGET_LANGUAGE
from data_gen.errors import UserError, listed

TRAIN = SPLITS[0]
"""The split with new sequences in each epoch under ``--online``."""
DECODED = ("exact_match", "token_accuracy")
"""What validation reports of the sequences that it decodes."""


@dataclass
class CopyTaskConfig(FairseqDataclass):
    """Options of ``--task copy``."""

    data: Optional[str] = field(
        default=None,
        metadata={
            "help": "dataset folder; several training folders are written with ':' between them and used in turn"
        },
    )
    source_lang: Optional[str] = field(
        default=None, metadata={"help": "suffix of source files (default: read off the file names)"}
    )
    target_lang: Optional[str] = field(
        default=None, metadata={"help": "suffix of target files (default: read off the file names)"}
    )
    online: bool = field(default=False, metadata={"help": "make training data while training, new in each epoch"})
    left_pad_source: bool = field(default=False, metadata={"help": "pad the source on the left"})
    left_pad_target: bool = field(default=False, metadata={"help": "pad the target on the left"})
    no_source_eos: bool = field(default=False, metadata={"help": "remove the end symbol from the source"})
    max_source_positions: Optional[int] = field(
        default=None, metadata={"help": "skip longer sources, and say which (default: take all)"}
    )
    max_target_positions: Optional[int] = field(
        default=None, metadata={"help": "skip longer targets, and say which (default: take all)"}
    )
    eval_beam: int = field(
        default=1, metadata={"help": "beam of the decoding that validation reports; 0: do not decode"}
    )
    eval_print_examples: int = field(default=0, metadata={"help": "show this many decoded examples at each validation"})
    attention_figures: int = field(
        default=0,
        metadata={
            "help": "draw the attention of this many validation sentences at each validation: to TensorBoard or W&B "
            "if fairseq logs there, otherwise to files in SAVE_DIR/attention"
        },
    )
    train_subset: str = II("dataset.train_subset")
    valid_subset: str = II("dataset.valid_subset")
    dataset_impl: Optional[ChoiceEnum(get_available_dataset_impl())] = II(  # type: ignore[valid-type]
        "dataset.dataset_impl"
    )
    required_seq_len_multiple: int = II("dataset.required_seq_len_multiple")
    save_dir: str = II("checkpoint.save_dir")
    best_checkpoint_metric: str = II("checkpoint.best_checkpoint_metric")
    tensorboard_logdir: Optional[str] = II("common.tensorboard_logdir")
    wandb_project: Optional[str] = II("common.wandb_project")


def check_config(cfg: CopyTaskConfig) -> None:
    """Refuse option values that make no sense.

    :raises UserError: naming the option, its value and what is allowed.
    """
    if not cfg.data:
        raise UserError("no dataset folder given: pass one, made with 'python -m data_gen copy DESTDIR'")
    if cfg.online:
        _check_online(cfg)
    for name in ("max_source_positions", "max_target_positions"):
        value = getattr(cfg, name)
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1, but is {value}")
    multiple = cfg.required_seq_len_multiple  # made in Python, a configuration names the option instead
    if isinstance(multiple, int) and multiple < 1:
        raise UserError(f"--required-seq-len-multiple must be at least 1, but is {multiple}")
    for name in ("eval_beam", "eval_print_examples", "attention_figures"):
        if getattr(cfg, name) < 0:
            raise UserError(f"--{name.replace('_', '-')} must be at least 0, but is {getattr(cfg, name)}")
    if cfg.eval_beam == 0 and cfg.best_checkpoint_metric in DECODED:
        raise UserError(
            f"--best-checkpoint-metric {cfg.best_checkpoint_metric} is of decoded sequences, which --eval-beam 0 "
            "leaves out: drop one of the two"
        )


def _check_online(cfg: CopyTaskConfig) -> None:
    folders = utils.split_paths(cfg.data)
    if len(folders) > 1:
        raise UserError(f"--online takes one dataset folder, but got {len(folders)}: {listed(folders)}")
    if cfg.train_subset != TRAIN:
        raise UserError(f"--online makes the split {TRAIN!r}, so --train-subset cannot be {cfg.train_subset!r}")
    for name, made in (("source_lang", SOURCE_LANGUAGE), ("target_lang", TARGET_LANGUAGE)):
        if getattr(cfg, name) not in (None, made):
            raise UserError(
                f"--online makes data with --{name.replace('_', '-')} {made}, which cannot be {getattr(cfg, name)!r}"
            )
