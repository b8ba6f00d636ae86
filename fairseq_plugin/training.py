"""``fairseq_plugin.train``: what fairseq-train does, as a call in a Python program or a notebook.

The parser, the trainer and the checkpoints are fairseq's. fairseq-train leaves its marks on the process that it runs
in, because that process ends with it. Here they are taken back: random numbers, logging, ``sys.argv``, and what
fairseq's functions remember of the best checkpoint.
"""

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from types import FunctionType
from typing import Any, Final, NamedTuple

import torch
from fairseq import checkpoint_utils, options
from fairseq.data.data_utils import numpy_seed
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics

from data_gen.errors import UserError, refuse_in_one_line
from fairseq_plugin.analysis.generation_options import fairseq_refusals
from fairseq_plugin.checkpoints.writing import release
from fairseq_plugin.preflight import quiet_import

DEFAULTS: Final = {"task": "copy", "arch": "gru_attention_copy", "num_workers": 0}
"""In place of fairseq's own defaults. A process beside this one would take a dozen open files."""
LOGGERS: Final = ("fairseq_cli.train", "fairseq.logging.progress_bar")
"""What fairseq gives the handlers of ``log_file``; the second says the figures of the training."""
BAR: Final = "{percentage:3.0f}%|{bar:30}| {elapsed}<{remaining}{postfix}"
SHOWN: Final = ("epoch", "train_loss", "valid_loss", "valid_exact_match")


class Training(NamedTuple):
    """What a training leaves.

    :param path: the best checkpoint; the last one of a training without validation, None if none was written.
    :param log: one dictionary for each epoch: ``epoch``, ``train_loss``, ``valid_loss``, ``valid_exact_match`` and all
        else that fairseq logs, losses in bits per token. The figures of a validation amid an epoch give way to those
        of its end.
    """

    path: Path | None
    log: list[dict[str, float]]


def train(
    data: str | PathLike[str], save_dir: str | PathLike[str], *, progress: bool = True, **settings: Any
) -> Training:
    """Train a model in this process, as fairseq-train does. The same seed gives the same parameters.

    The same call goes on from ``checkpoint_last.pt`` in ``save_dir``, as the command does.

    :param data: the folder of the dataset.
    :param save_dir: the folder of the checkpoints.
    :param progress: show a progress bar on standard error. It moves each ``log_interval`` updates.
    :param settings: options of fairseq-train with underscores for hyphens, such as ``max_epoch=15``. A switch takes
        True or False, and None leaves an option out. The task is ``copy`` and the architecture
        ``gru_attention_copy`` unless they name others.
    :raises UserError: fairseq refuses an option or the data, or the training needs more than one process.
    """
    given = {"save_dir": fspath(save_dir), **DEFAULTS, **settings, "log_format": "json"}
    with quiet_import():
        command: Any = import_module("fairseq_cli.train")
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for category in (UserWarning, FutureWarning, DeprecationWarning):  # of fairseq and hydra, for their authors
            warnings.simplefilter("ignore", category)
        for function in (checkpoint_utils.save_checkpoint, command.should_stop_early):
            stack.enter_context(_forgotten(function))
        stack.enter_context(numpy_seed(0))  # fairseq sets the seed itself; afterwards the numbers go on as before
        stack.enter_context(torch.random.fork_rng())
        cfg = _configuration(fspath(data), given)
        log = stack.enter_context(_logged(_Log(cfg.optimization, progress)))
        stack.callback(release, cfg.checkpoint.save_dir)
        stack.callback(metrics.reset)
        with fairseq_refusals():
            command.main(cfg)
    written = (Path(save_dir) / f"checkpoint_{name}.pt" for name in ("best", "last"))
    return Training(next((path for path in written if path.exists()), None), log)


def _configuration(data: str, settings: dict[str, Any]) -> Any:
    """fairseq's configuration of a training.

    :raises UserError: fairseq does not take an option, or the training needs more than one process.
    """
    switches = {name: value for name, value in settings.items() if isinstance(value, bool)}
    words = [
        f"--{name.replace('_', '-')}={fspath(value) if isinstance(value, PathLike) else value}"
        for name, value in settings.items()
        if name not in switches and value is not None
    ]
    before, sys.argv = sys.argv, sys.argv[:1]  # fairseq looks for --user-dir there
    try:
        parser: Any = options.get_training_parser()
        refuse_in_one_line(parser, "fairseq-train")
        # fairseq calls this once more when it has added the options of task and model; a switch that is on by default
        # has a word for off alone
        args = options.parse_args_and_arch(
            parser, [data, *words], modify_parser=lambda made: made.set_defaults(**switches)
        )
        wrong = switches.keys() - {action.dest for action in parser._actions if action.nargs == 0}
        if wrong:
            raise UserError(f"True and False are for switches of fairseq-train, but {', '.join(sorted(wrong))} is none")
        cfg = convert_namespace_to_omegaconf(args)
    finally:
        sys.argv = before
    if cfg.distributed_training.distributed_world_size > 1:
        if "distributed_world_size" in settings:
            raise UserError("train() trains in one process: use scripts/train_distributed.sh for several")
        cfg.distributed_training.distributed_world_size = 1  # of several GPUs, the first
    return cfg


@contextmanager
def _forgotten(function: FunctionType) -> Iterator[None]:
    """Take from a function of fairseq's what it remembers of earlier trainings, and give it back."""
    memory = vars(function)
    before = dict(memory)
    memory.clear()
    try:
        yield
    finally:
        memory.clear()
        memory.update(before)


class _Log(logging.Handler):
    """Reads the figures of a training from fairseq's lines.

    :param limits: the options that say when the training ends.
    """

    def __init__(self, limits: Any, progress: bool) -> None:
        from tqdm import tqdm  # takes time to load

        super().__init__()
        self.epochs: dict[float, dict[str, float]] = {}
        self._said: dict[str, float] = {}
        self._limits = (limits.max_epoch, limits.max_update)
        self._bar = tqdm(total=1 if any(self._limits) else None, bar_format=BAR, disable=not progress)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of JSON; another line says no figures."""
        try:
            said = json.loads(record.getMessage())
            figures = {name: float(value) if isinstance(value, str) else value for name, value in said.items()}
        except ValueError:
            return
        epoch = figures["epoch"]
        updates = next((figures[name] for name in figures if name.endswith("num_updates")), 0.0)
        if record.name != "train_inner":
            self.epochs.setdefault(epoch, {}).update(figures)
        done = (figures.get("update", epoch if record.name == "train" else epoch - 1), updates)
        share = max(part / limit if limit else 0.0 for part, limit in zip(done, self._limits, strict=True))
        self._said |= {name: figures[name] for name in SHOWN if name in figures}
        self._bar.set_postfix(self._said, refresh=False)
        self._bar.update(max(0.0, min(share, 1.0) - self._bar.n))

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()
        super().close()


@contextmanager
def _logged(handler: _Log) -> Iterator[list[dict[str, float]]]:
    """Lend the list that gets the figures of the training when the block ends."""
    log: list[dict[str, float]] = []
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        # fairseq says the figures at level INFO; where the program does not show that level, it shall not see them
        logger.propagate = logger.isEnabledFor(logging.INFO)
        logger.setLevel(logging.INFO)
    loggers[-1].addHandler(handler)
    try:
        yield log
    finally:
        for logger, level, propagate, handlers in before:
            for added in (each for each in logger.handlers if each not in handlers):
                added.close()
            logger.setLevel(level)
            logger.propagate, logger.handlers[:] = propagate, handlers
        log.extend(handler.epochs.values())
