"""Heatmaps of the first validation sentences, made each time the task ``copy`` validates while it trains.

They go where fairseq logs: to TensorBoard, to Weights & Biases, else into files beside the checkpoints.
"""

import logging
import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fairseq import utils
from fairseq.distributed.utils import get_global_rank
from fairseq.logging import progress_bar
from fairseq.tasks import FairseqTask

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import records_of_batch, right_padded
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.tasks.copy_config import CopyTaskConfig

logger = logging.getLogger(__name__)

FOLDER = "attention"


class AttentionFigures:
    """Draws the attention of ``--attention-figures`` sentences; with 0 of them, does nothing.

    matplotlib is imported when it is needed.
    """

    def __init__(self, cfg: CopyTaskConfig) -> None:
        self._cfg = cfg
        self._last_update = -1

    def check(self, task: FairseqTask, model: Any) -> None:
        """Find out before training whether there will be something to draw, and a place to put it.

        :raises UserError: the model returns no attention, or files cannot be written.
        """
        if not self._cfg.attention_figures or _subset(self._cfg) not in task.datasets:
            return
        try:
            next(self._records(task, model), None)
        except UserError as error:
            raise UserError(f"--attention-figures {self._cfg.attention_figures}: {error}; or leave it out") from error
        if get_global_rank() == 0 and _tensorboard(self._cfg) is None and _wandb(self._cfg) is None:
            _make_folder(Path(self._cfg.save_dir) / FOLDER)

    def write(self, task: FairseqTask, model: Any, update: int) -> None:
        """Draw the sentences, on the first rank alone. What cannot be drawn or written is one warning.

        :param update: number of updates so far. fairseq comes here after each validation set; the sentences are of the
            first one.
        """
        if not self._cfg.attention_figures or get_global_rank() > 0 or update == self._last_update:
            return
        self._last_update = update
        try:
            for record in self._records(task, model):
                self._write(record, update)
        except (UserError, OSError) as error:
            logger.warning("attention figures at %d updates are incomplete: %s", update, error)

    def _records(self, task: FairseqTask, model: Any) -> Iterator[AttentionRecord]:
        """Of the first sentences that validation reads.

        :raises UserError: the model returns no attention, or no finite one.
        """
        dataset, device = task.dataset(_subset(self._cfg)), next(model.parameters()).device
        limits = utils.resolve_max_positions(task.max_positions(), model.max_positions())
        numbers, _ = dataset.filter_indices_by_size(np.arange(len(dataset)), limits)
        generator = task.build_generator([model], Namespace(beam=max(1, self._cfg.eval_beam)))
        for number in numbers[: self._cfg.attention_figures]:
            sample = right_padded(dataset.collater([dataset[number]]), task)
            sample = utils.apply_to_sample(lambda tensor: tensor.to(device), sample)
            yield from records_of_batch(sample, task.inference_step(generator, [model], sample), task)

    def _write(self, record: AttentionRecord, update: int) -> None:
        """Draw one record and log it, or save it.

        :raises UserError: the figure cannot be drawn, or its file cannot be written.
        """
        from fairseq_plugin.analysis.pictures.heatmap import draw
        from fairseq_plugin.analysis.pictures.picture import save

        figure = draw(record.weights, record.source, record.target, title=f"Sentence {record.id}, {update} updates")
        writer, wandb = _tensorboard(self._cfg), _wandb(self._cfg)
        if writer is not None:
            writer.add_image(f"attention/{record.id}", _pixels(figure), update, dataformats="HWC")
        if wandb is not None:
            wandb.log({f"{_subset(self._cfg)}/attention/{record.id}": wandb.Image(_pixels(figure))}, step=update)
        if writer is None and wandb is None:
            save(figure, Path(self._cfg.save_dir) / FOLDER / f"updates-{update:06d}-id-{record.id}.png")


def _subset(cfg: CopyTaskConfig) -> str:
    return cfg.valid_subset.split(",")[0]


def _tensorboard(cfg: CopyTaskConfig) -> Any:
    """The writer that fairseq logs validation to TensorBoard with, None if it does not."""
    if not cfg.tensorboard_logdir or progress_bar.SummaryWriter is None:
        return None
    return progress_bar.TensorboardProgressBarWrapper(None, cfg.tensorboard_logdir)._writer(_subset(cfg))


def _wandb(cfg: CopyTaskConfig) -> Any:
    """The module that fairseq logs to Weights & Biases with, None if it does not."""
    return progress_bar.wandb if cfg.wandb_project else None


def _make_folder(folder: Path) -> None:
    """Make the folder of the figures. :raises UserError: files could not be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        raise UserError(
            f"--attention-figures cannot write into {str(folder)!r} ({error.strerror}): choose another --save-dir"
        ) from error


def _pixels(figure: Any) -> np.ndarray:
    """(height, width, 3) uint8, red, green and blue."""
    from fairseq_plugin.analysis.pictures.fonts import without_glyph_warnings

    with without_glyph_warnings():
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
