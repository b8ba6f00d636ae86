"""The task ``copy``: learn to write out what was read in.

It reads a folder made by ``python -m data_gen``, or makes its sequences while training, lets every output be as long as
the data needs, and reports exact match and token accuracy of real decoding whenever fairseq validates.
"""

import logging
from argparse import Namespace
from typing import Any

import numpy as np
import torch
from fairseq import utils
from fairseq.data import Dictionary, FairseqDataset
from fairseq.logging import metrics
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY
from fairseq.search import BeamSearch
from fairseq.tasks import FairseqTask, register_task
from torch import Tensor

from data_gen.errors import UserError, listed
from fairseq_plugin.analysis.ensemble import with_mean_attention
from fairseq_plugin.analysis.generation_options import (
    check_batches,
    check_generation,
    check_seed,
    decoding,
    fairseq_refusals,
)
from fairseq_plugin.checkpoints.identity import check_fingerprint, fingerprint
from fairseq_plugin.checkpoints.safe_loading import allow_classes_from_first_rank
from fairseq_plugin.modules.encoder import UNLIMITED
from fairseq_plugin.program import reports_user_errors
from fairseq_plugin.scoring.exact_match import Matches
from fairseq_plugin.tasks.beam_search import BlockwiseBeamSearch
from fairseq_plugin.tasks.copy_config import TRAIN, CopyTaskConfig, check_config
from fairseq_plugin.tasks.datasets import CopyDataset, OnlineData, OnlineDataset, length_ratio, read_online_data
from fairseq_plugin.tasks.figures import AttentionFigures
from fairseq_plugin.tasks.folder import Splits, check_folder, find_languages, load_dictionary
from fairseq_plugin.tasks.validation import compare_outputs

logger = logging.getLogger(__name__)

# fairseq's own defaults for the longest output, max_len_a * S + max_len_b: taken as "not chosen by the user".
FAIRSEQ_MAX_LEN = (0, 200)
# Steps beyond the longest right answer. An output that does not stop is then seen as wrong, not cut to the right one.
OUTPUT_SLACK = 10


@register_task("copy", dataclass=CopyTaskConfig)
class CopyTask(FairseqTask):
    """Sequence-to-sequence task on synthetic (or any parallel) data, scored by exact match."""

    cfg: CopyTaskConfig

    def __init__(
        self,
        cfg: CopyTaskConfig,
        source_dictionary: Dictionary,
        target_dictionary: Dictionary,
        online: OnlineData | None = None,
    ) -> None:
        super().__init__(cfg)
        self._source_dictionary = source_dictionary
        self._target_dictionary = target_dictionary
        self._online = online
        self._splits = Splits(cfg, source_dictionary, target_dictionary, online)
        self._figures = AttentionFigures(cfg)
        self._lines_read = 0  # by fairseq-interactive
        # fairseq keeps this in the checkpoint and hands it back to load_state_dict. It runs a factory when something
        # asks for the state; asked here, every checkpoint has it.
        self.state.add_factory("copy", self._fingerprint)
        _ = self.state.copy

    @classmethod
    @reports_user_errors
    def setup_task(cls, cfg: CopyTaskConfig, **kwargs: Any) -> "CopyTask":
        """Read the dictionaries of the data folder.

        :raises UserError: no data folder, no dataset in it, or option values that make no sense.
        """
        allow_classes_from_first_rank()  # for models other than the plugin's, which do not ask for it
        check_config(cfg)
        folders = utils.split_paths(cfg.data)
        for folder in folders:
            check_folder(folder)
        cfg.source_lang, cfg.target_lang = find_languages(folders[0], cfg.source_lang, cfg.target_lang)
        source_dictionary = load_dictionary(folders, cfg.source_lang)
        target_dictionary = load_dictionary(folders, cfg.target_lang)
        logger.info("dictionaries: %d source and %d target symbols", len(source_dictionary), len(target_dictionary))
        online = read_online_data(folders[0], source_dictionary, target_dictionary) if cfg.online else None
        return cls(cfg, source_dictionary, target_dictionary, online)

    @property
    def source_dictionary(self) -> Dictionary:
        """Symbols of the source."""
        return self._source_dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        """Symbols of the target."""
        return self._target_dictionary

    # What a checkpoint must agree on with the data.

    def _fingerprint(self) -> dict[str, Any]:
        return fingerprint(
            self.source_dictionary,
            self.target_dictionary,
            languages=(self.cfg.source_lang, self.cfg.target_lang),
            no_source_eos=self.cfg.no_source_eos,
            online=self._online.spec if self._online is not None else None,
        )

    @reports_user_errors
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check a checkpoint against the dictionaries, and take over how its sources end.

        :raises UserError: the checkpoint was trained with other dictionaries, or from target to source.
        """
        saved = state_dict.get("copy")
        if saved is None:
            return
        mine = self._fingerprint()
        check_fingerprint(saved, mine, self.cfg.data)
        if saved["no_source_eos"] != mine["no_source_eos"]:
            logger.info("as the checkpoint was trained: no_source_eos=%s", saved["no_source_eos"])
            self.cfg.no_source_eos = saved["no_source_eos"]
        self.state.merge_state_dict({"copy": self._fingerprint()})

    # Other models.

    @reports_user_errors
    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        """Build any fairseq model for this task; see fairseq.

        :raises UserError: there is no model of that name.
        """
        name = getattr(cfg, "_name", None) or getattr(cfg, "arch", None)
        if name and name not in {*MODEL_REGISTRY, *ARCH_MODEL_REGISTRY}:
            raise UserError(f"no model called {name!r}: name the folder with its code in --user-dir")
        if isinstance(cfg, Namespace):
            # Old-style models (lstm, fconv) take a limit that is there for a number, and have their own for none.
            limits = ("max_source_positions", "max_target_positions")
            unset = {name for name in limits if getattr(cfg, name, 0) is None}
            cfg = Namespace(**{name: value for name, value in vars(cfg).items() if name not in unset})
        return super().build_model(cfg, from_checkpoint)

    # Data.

    def has_sharded_data(self, split: str) -> bool:
        """Whether fairseq has to load ``split`` again for each epoch."""
        return self._online is not None or super().has_sharded_data(split)

    @reports_user_errors
    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any) -> None:
        """Open a split of the data folder, or make it.

        :raises UserError: the folder has no such split.
        """
        self.datasets[split] = self._splits.open(split, epoch, combine=combine)

    @reports_user_errors
    def get_batch_iterator(self, dataset: FairseqDataset, *args: Any, epoch: int = 1, **kwargs: Any) -> Any:
        """Batches that do not depend on the epoch in which a run begins; see fairseq.

        fairseq composes them once a run, from the seed and that epoch, so that a resumed run would go another way.
        Their order still differs from epoch to epoch. Data that is made anew in each epoch is batched anew as well.

        :raises UserError: a seed or a number of workers that cannot be, or batches smaller than a sequence.
        """
        check_seed(kwargs.get("seed", 1))
        check_batches(**kwargs)
        if self._online is not None and isinstance(dataset, OnlineDataset):
            if dataset.epoch != epoch:  # such as validation on train, for which fairseq always asks for epoch 1
                dataset = self._splits.make(self._online, TRAIN, epoch)
            return super().get_batch_iterator(dataset, *args, epoch=epoch, **kwargs)
        known = self.dataset_to_epoch_iter.get(dataset)
        with fairseq_refusals():
            iterator = super().get_batch_iterator(dataset, *args, epoch=1, **kwargs)
        if iterator is not known:
            iterator.epoch = max(epoch, 1)
        return iterator

    def build_dataset_for_inference(
        self, src_tokens: list[Tensor], src_lengths: Any, constraints: Any = None, **kwargs: Any
    ) -> CopyDataset:
        """Dataset of sentences typed in (fairseq-interactive, ``translate``)."""
        if self.cfg.no_source_eos:
            src_tokens = [tokens[tokens.ne(self.source_dictionary.eos())] for tokens in src_tokens]
            src_lengths = torch.tensor([tokens.numel() for tokens in src_tokens])
        dataset = CopyDataset(
            src_tokens,
            src_lengths,
            self.source_dictionary,
            tgt_dict=self.target_dictionary,
            left_pad_source=self.cfg.left_pad_source,
            constraints=constraints,
        )
        dataset.first_line = max(0, self._lines_read - len(src_tokens))
        return dataset

    def get_interactive_tokens_and_lengths(self, lines: list[str], encode_fn: Any) -> tuple[list[Tensor], list[int]]:
        """Token ids of lines typed in, and how many there are in each; see fairseq, which does not say which lines."""
        self._lines_read += len(lines)
        tokens, lengths = super().get_interactive_tokens_and_lengths(lines, encode_fn)
        return tokens, lengths

    def max_positions(self) -> tuple[int, int]:
        """Longest source and target taken, in tokens with end symbol; without limits unless the user sets some."""
        return self.cfg.max_source_positions or UNLIMITED, self.cfg.max_target_positions or UNLIMITED

    @reports_user_errors
    def filter_indices_by_size(
        self,
        indices: np.ndarray,
        dataset: FairseqDataset,
        max_positions: Any = None,
        ignore_invalid_inputs: bool = False,
    ) -> np.ndarray:
        """Leave out what is longer than the user allows, and name it.

        Of lines typed in, nothing may be left: others follow. They are counted from 0 over all that came so far.

        :raises UserError: there is something too long and fairseq was not told to skip it, or nothing is left.
        """
        first_line = getattr(dataset, "first_line", None)
        indices, ignored = dataset.filter_indices_by_size(indices, max_positions)
        if len(ignored) > 0:
            ids = listed([(first_line or 0) + index for index in sorted(map(int, ignored))])
            what = f"{len(ignored)} samples are longer than (source, target) = {max_positions}: ids {ids}"
            if not ignore_invalid_inputs and len(indices):
                raise UserError(f"{what}; raise the limits or pass --skip-invalid-size-inputs-valid-test")
            if not len(indices) and not (ignore_invalid_inputs and first_line is not None):
                raise UserError(
                    f"all {len(ignored)} samples are longer than (source, target) = {max_positions}: raise "
                    "--max-source-positions or --max-target-positions"
                )
            logger.warning("skipped: %s", what)
        return indices

    # Decoding.

    @reports_user_errors
    def build_generator(self, models: list[Any], args: Any, *other_args: Any, **kwargs: Any) -> Any:
        """fairseq's generator, with enough steps for the longest right answer unless ``args`` sets another limit.

        Plain beam search is computed faster: see beam_search.py.

        An ensemble returns the mean attention of the models that attend.

        :raises UserError: ``args`` holds a number that fairseq cannot decode with, or options that exclude one another.
        """
        check_generation(args)
        chosen = (getattr(args, "max_len_a", FAIRSEQ_MAX_LEN[0]), getattr(args, "max_len_b", FAIRSEQ_MAX_LEN[1]))
        if chosen == FAIRSEQ_MAX_LEN:
            limits = {"max_len_a": length_ratio(self.datasets.values()), "max_len_b": OUTPUT_SLACK}
            args = Namespace(**_as_dict(args) | limits)
        with fairseq_refusals():
            generator = with_mean_attention(super().build_generator(models, args, *other_args, **kwargs))
        if type(getattr(generator, "search", None)) is BeamSearch:  # none of the searches that are made of it
            generator.search = BlockwiseBeamSearch(self.target_dictionary)
        return generator

    @reports_user_errors
    def inference_step(
        self, generator: Any, models: list[Any], sample: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Decode a batch; see fairseq.

        :raises UserError: an output could not be as long as it has to be, or candidates outnumber the symbols.
        """
        with decoding(generator, sample):
            return super().inference_step(generator, models, sample, *args, **kwargs)

    # Validation.

    def valid_step(self, sample: dict[str, Any], model: Any, criterion: Any) -> tuple[Any, Any, dict[str, Any]]:
        """Loss, and matches of decoded output with the reference."""
        loss, sample_size, logging_output = super().valid_step(sample, model, criterion)
        if self.cfg.eval_beam > 0:
            matches = self._decode_and_compare(sample, model)
            logging_output.update({f"_{name}": count for name, count in matches._asdict().items()})
        return loss, sample_size, logging_output

    def _decode_and_compare(self, sample: dict[str, Any], model: Any) -> Matches:
        generator = self.build_generator([model], Namespace(beam=self.cfg.eval_beam))
        hypotheses = self.inference_step(generator, [model], sample)
        dictionaries = (self.source_dictionary, self.target_dictionary)
        return compare_outputs(sample, hypotheses, *dictionaries, examples=self.cfg.eval_print_examples)

    @reports_user_errors
    def begin_epoch(self, epoch: int, model: Any) -> None:
        """Check what the epoch will draw.

        :raises UserError: ``--attention-figures`` asks for what cannot be drawn or written.
        """
        self._figures.check(self, model)

    @reports_user_errors
    def post_validate(self, model: Any, stats: dict[str, Any], agg: Any) -> None:
        """Draw attention; fairseq comes here once for each validation set.

        :raises UserError: ``--best-checkpoint-metric`` is none of ``stats``.
        """
        metric = self.cfg.best_checkpoint_metric
        if metric not in stats:
            measured = listed(list(stats))
            raise UserError(
                f"--best-checkpoint-metric {metric!r} is not measured in a validation: choose one of {measured}"
            )
        self._figures.write(self, model, stats["num_updates"])

    def reduce_metrics(self, logging_outputs: list[dict[str, Any]], criterion: Any) -> None:
        """Add exact_match and token_accuracy to what the criterion reports, as Python floats."""
        super().reduce_metrics(logging_outputs, criterion)
        totals = {name: int(sum(log.get(f"_{name}", 0) for log in logging_outputs)) for name in Matches._fields}
        matches = Matches(**totals)
        if matches.sequences:
            metrics.log_scalar("exact_match", matches.exact_match, matches.sequences, round=4)
            metrics.log_scalar("token_accuracy", matches.token_accuracy, matches.tokens, round=4)


def _as_dict(args: Any) -> dict[str, Any]:
    return dict(vars(args)) if isinstance(args, Namespace) else dict(args)
