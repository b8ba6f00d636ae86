"""One line, and a UserError in Python, where a checkpoint cannot be loaded.

fairseq loads every checkpoint, of any command and task, through four functions of ``fairseq.checkpoint_utils``. They
let torch's and Python's exceptions through, and a plugin has no other place from which it could say more. So these
functions are wrapped, here and nowhere else: on success they do and return what they always did, NumPy values apart
(see numpy_values.py). Safe loading itself is torch's (see safe_loading.py).

A checkpoint is a zip archive. torch does not compare its contents with the checksums in it, so that is done here.
"""

import functools
import logging
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from fairseq import checkpoint_utils
from fairseq.distributed.utils import is_master
from fairseq.file_io import PathManager

from data_gen.errors import UserError, failure_from_os_error
from fairseq_plugin.checkpoints.identity import give_identity
from fairseq_plugin.checkpoints.numpy_values import plain
from fairseq_plugin.checkpoints.writing import claimed
from fairseq_plugin.program import reports_user_errors

logger = logging.getLogger(__name__)

# How torch names a class or function that it refuses to look up.
REFUSED: Final = re.compile(r"GLOBAL (?P<name>[A-Za-z_][\w.]*) (?:was not an allowed|whose module)")
# How torch says that the parameters in a file are not those of a model.
MISMATCH: Final = re.compile(
    r"Error\(s\) in loading state_dict for (?P<model>\w+):\s+"
    r"(?P<first>(?:Missing|Unexpected) key\(s\) in state_dict: \"[^\"]+\"|size mismatch for [\w.]+)"
)
NOT_FOUND: Final = re.compile("Model file not found: (.+)")  # in fairseq's own words
NAME: Final = "name one that fairseq-train wrote"
ARCHIVE: Final = b"PK\3\4"  # how a zip archive begins; before torch 1.6, a checkpoint was none and had no checksums
RESTORED: Final = "checkpoint_last.pt"  # fairseq's default of --restore-file
NO_EPOCH: Final = -1  # 0 stands for no limit
RESETS: Final = ("reset_optimizer", "reset_lr_scheduler", "reset_meters", "reset_dataloader")
UNREAD: Final = {"encoder_embed_path": None, "decoder_embed_path": None}
"""Of a trained model: files of pretrained embeddings, which may be gone, as the checkpoint has the parameters."""
FRESH: Final = "please reset the optimizer"  # in fairseq's assertions about a checkpoint of other training options


def explain_checkpoint_errors() -> None:
    """Wrap fairseq's four functions, once."""
    for name, wrap in (
        ("load_checkpoint_to_cpu", _reading),
        ("load_ema_from_checkpoint", _reading),
        ("load_model_ensemble_and_task", _building),
        ("load_checkpoint", _restoring),
    ):
        function = getattr(checkpoint_utils, name)
        if not hasattr(function, "__wrapped__"):
            setattr(checkpoint_utils, name, wrap(function))


def _reading(load: Callable[..., Any]) -> Callable[..., Any]:
    """Around ``load_checkpoint_to_cpu`` and ``load_ema_from_checkpoint``, which read a file."""

    @functools.wraps(load)
    @reports_user_errors
    def reading(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if not PathManager.path_requires_pathmanager(str(path)):  # or fairseq would fetch the file twice
                _check_file(path)
            state = plain(load(path, *args, **kwargs))
            lacking = [part for part in ("model", "cfg", "args") if state.get(part) is None]
            if "model" in lacking or len(lacking) > 1:
                raise UserError(f"{str(path)!r} is no checkpoint of fairseq, it has no {' or '.join(lacking)}: {NAME}")
            give_identity(state)
            return state
        except OSError as error:
            if not PathManager.isfile(path):
                raise _missing(path) from error
            raise failure_from_os_error("read checkpoint", OSError(error.errno, error.strerror, str(path))) from error
        except UserError:
            raise
        except Exception as error:  # a damaged file can raise anything
            raise refusal(path, error) from error

    return reading


def _check_file(path: str) -> None:
    """Compare a file with its checksums, if it has some and this process has not done so before.

    :raises zipfile.BadZipFile: they differ.
    """
    found = Path(path).stat()
    _check_archive(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@functools.cache
def _check_archive(path: str, version: tuple[int, ...]) -> None:
    with open(path, "rb") as stream:
        if stream.read(len(ARCHIVE)) != ARCHIVE:
            return
        with zipfile.ZipFile(stream) as archive:
            summed = any(member.CRC for member in archive.infolist())  # torch can be told to leave them out
            if summed and (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(damaged)


def _missing(path: object) -> UserError:
    return UserError(f"no checkpoint at {str(path)!r}: {NAME}")


def refusal(path: object, error: Exception) -> UserError:
    """The line for what torch or fairseq said of a file."""
    said = " ".join(str(error).split())
    if found := REFUSED.search(said):
        name = found["name"].removeprefix("builtins.")  # with which torch 2.6 begins some
        return UserError(
            f"refused to load {str(path)!r}: it asks for {name}, which no checkpoint needs and "
            f"which may run code hidden in the file: delete it unless you know who made it, and {NAME}"
        )
    if isinstance(error, KeyError) and error.args == ("ema",):
        return UserError(f"{str(path)!r} has no moving average: name a checkpoint of a training with --store-ema")
    return UserError(
        f"{str(path)!r} is no checkpoint, or damaged ({type(error).__name__}): {NAME}, or go on from an earlier one"
    )


def _building(load: Callable[..., Any]) -> Callable[..., Any]:
    """Around ``load_model_ensemble_and_task``, through which decoding, fairseq-validate and Python go."""

    @functools.wraps(load)
    @reports_user_errors
    def load_model_ensemble_and_task(
        filenames: Sequence[str], arg_overrides: dict[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return load(filenames, UNREAD | (arg_overrides or {}), *args, **kwargs)
        except OSError as error:
            missing = [str(path) for path in filenames if not PathManager.isfile(path)]
            if not missing and (named := NOT_FOUND.fullmatch(str(error))):  # of another name, by --checkpoint-suffix
                missing = [named[1]]
            if not missing:
                raise
            raise _missing(missing[0]) from error
        except RuntimeError as error:
            explained = _other_model(":".join(map(str, filenames)), error)
            if explained is None:
                raise
            raise explained from error

    return load_model_ensemble_and_task


def _restoring(load: Callable[..., Any]) -> Callable[..., Any]:
    """Around ``load_checkpoint``, with which fairseq-train goes on from an earlier training."""

    @functools.wraps(load)
    @reports_user_errors
    def load_checkpoint(cfg: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        _check_trainer(trainer)
        _check_start(cfg)
        start = cfg.finetune_from_model
        ours = is_master(trainer.cfg.distributed_training) and not cfg.no_save
        try:
            with claimed(cfg.save_dir) if ours else nullcontext():
                restored = load(cfg, trainer, *args, **kwargs)
        except UserError:
            raise
        except ValueError as error:
            if start is None or PathManager.isfile(start):
                raise
            raise _missing(start) from error
        except KeyError as error:
            if not trainer.cfg.ema.store_ema or error.args != ("model",):
                raise
            raise UserError(
                f"--store-ema: {start or cfg.restore_file} has no moving average to go on from: leave it out, or name "
                "a checkpoint of a training with it"
            ) from error
        except AssertionError as error:
            if FRESH not in str(error):
                raise
            raise UserError(" ".join(str(error).split())) from error
        except Exception as error:
            goes_on = start is None and cfg.restore_file == RESTORED
            path = str(Path(cfg.save_dir) / RESTORED) if goes_on else start or cfg.restore_file
            explained = _other_model(path, error.__context__, ", or name another --save-dir" if goes_on else "")
            if explained is None:
                raise
            raise explained from error
        _end_if_done(cfg, trainer, restored[1].next_epoch_idx)
        return restored

    return load_checkpoint


def _check_start(cfg: Any) -> None:
    """Look at the options that say what a training starts from.

    :raises UserError: they contradict one another.
    """
    start = cfg.finetune_from_model
    if start is not None and cfg.restore_file != RESTORED:
        raise UserError(
            f"--finetune-from-model {start} and --restore-file {cfg.restore_file}: a training starts from one of them, "
            "leave the other out"
        )
    resets = [f"--{name.replace('_', '-')}" for name in RESETS if getattr(cfg, name)]
    if start is not None and resets:
        raise UserError(
            f"--finetune-from-model {start} resets all but the model by itself: leave out {', '.join(resets)}"
        )
    if cfg.restore_file != RESTORED and not PathManager.isfile(cfg.restore_file):
        logger.warning("no checkpoint at %r (--restore-file): the training begins anew", cfg.restore_file)


def _end_if_done(cfg: Any, trainer: Any, next_epoch: int) -> None:
    """Say that nothing is left to train if a limit has been reached, and let fairseq make no update then."""
    limits = trainer.cfg.optimization
    if limits.max_epoch and next_epoch > limits.max_epoch:
        reached = f"--max-epoch {limits.max_epoch}"
    elif limits.max_update and trainer.get_num_updates() >= limits.max_update:
        reached = f"--max-update {limits.max_update}"
        limits.max_epoch = NO_EPOCH  # or fairseq would do one update more, and write the checkpoints again
    else:
        return
    logger.warning(
        "nothing is left to train: the checkpoint that this training goes on from has reached %s; raise it to train "
        "longer, or %s to begin anew",
        reached,
        "name another --save-dir" if cfg.restore_file == RESTORED else "name it with --finetune-from-model",
    )


def _check_trainer(trainer: Any) -> None:
    """Look at options that fairseq reads after this without a look of its own.

    :raises UserError: naming one with which no update can be made.
    """
    common, updates = trainer.cfg.common, trainer.cfg.optimization.update_freq
    elsewhere = common.memory_efficient_fp16 or common.bf16 or common.amp or common.fp16_no_flatten_grads
    if common.fp16 and not elsewhere and not trainer.cuda:
        raise UserError("--fp16 needs a GPU to train on: leave it out, or train with --memory-efficient-fp16")
    if min(updates) < 1:
        raise UserError(f"--update-freq must be at least 1, but is {','.join(map(str, updates))}")


def _other_model(path: str, error: BaseException | None, otherwise: str = "") -> UserError | None:
    """The line for a checkpoint with other parameters than the model; None for any other error.

    :param otherwise: what the user can do as well.
    """
    found = MISMATCH.search(str(error))
    if found is None:
        return None
    return UserError(
        f"{path!r} is a checkpoint of another model than {found['model']} with these options ({found['first']}): use "
        f"the --arch and the options that it was trained with{otherwise}"
    )
