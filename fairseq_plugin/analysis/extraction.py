"""Attention out of trained models: run fairseq's generator or scorer and keep the weights of every hypothesis.

cfg = generation_config(["data", "--path", "checkpoint_best.pt", "--batch-size", "128"])
records = extract(load(cfg), cfg)
"""

import resource
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import repeat
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from fairseq import checkpoint_utils, tasks, utils
from fairseq.data import Dictionary, FairseqDataset
from fairseq.dataclass.configs import FairseqConfig
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.tasks import FairseqTask
from numpy.typing import ArrayLike
from omegaconf import open_dict
from torch import Tensor

from data_gen.errors import FAILURE, UserError, listed
from fairseq_plugin.analysis.ensemble import score_references, with_mean_attention
from fairseq_plugin.analysis.formats.columns import Columns
from fairseq_plugin.analysis.generation_options import (
    TASK,
    check_generation,
    check_path,
    check_seed,
    decoding,
    fairseq_refusals,
    model_overrides,
    parse,
)
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.modules.padding import PaddingLayout

TYPED = "your sentences"
"""The split that holds the user's own sentences, for messages."""


class Loaded(NamedTuple):
    """Models, their task and the split to read, ready to decode."""

    task: FairseqTask
    models: list[Any]
    split: str
    device: torch.device


def generation_config(arguments: Sequence[str | PathLike[str]]) -> FairseqConfig:
    """fairseq's own configuration of a generation run.

    :param arguments: as on the command line of fairseq-generate; the task is ``copy`` unless they name another, and no
        process beside this one prepares batches (``--num-workers 0``): it would take a dozen open files.
    :raises UserError: an option has no effect on an extraction, or a value that fairseq cannot decode with.
    """
    parsed = parse([fspath(word) for word in arguments])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's deprecations, meant for the authors of fairseq
        return convert_namespace_to_omegaconf(parsed)


def load(cfg: FairseqConfig, typed: Callable[[FairseqTask], FairseqDataset] | None = None) -> Loaded:
    """Set up the task, the checkpoints (several make an ensemble) and the split that ``cfg`` names.

    :param typed: makes the dataset to read in place of a split; see :mod:`fairseq_plugin.analysis.sentences`.

    :raises UserError: no checkpoint at a path, a file that is none, or whatever the task refuses.
    """
    check_path(cfg.common_eval.path)
    paths, suffix = utils.split_paths(cfg.common_eval.path), cfg.checkpoint.checkpoint_suffix
    for path in paths:
        if Path(path).is_dir():
            raise UserError(f"{path!r} is a folder: name a checkpoint in it, such as {path}/checkpoint_best.pt")
        file = checkpoint_utils.get_maybe_sharded_checkpoint_filename(path, suffix, 0, 1)
        if not checkpoint_utils.PathManager.isfile(file):
            raise UserError(f"no checkpoint at {file!r}: name one that fairseq-train wrote")
    if getattr(cfg.task, "_name", None) != TASK:  # which looks for itself
        for folder in utils.split_paths(getattr(cfg.task, "data", None) or ""):
            if not Path(folder).is_dir():
                raise UserError(f"no dataset folder at {folder!r}: name one that fairseq-preprocess made")
    with fairseq_refusals():
        task = tasks.setup_task(cfg.task)
        overrides = model_overrides(cfg.common_eval.model_overrides)
        models, saved = checkpoint_utils.load_model_ensemble(paths, arg_overrides=overrides, task=task, suffix=suffix)
        split = TYPED if typed else cfg.dataset.gen_subset
        if typed:
            task.datasets[split] = typed(task)
        else:
            task.load_dataset(split, task_cfg=saved.task)
    device = torch.device("cuda" if torch.cuda.is_available() and not cfg.common.cpu else "cpu")
    with open_dict(cfg.generation):
        # Some models compute attention only when it is asked for in this way.
        wanted, cfg.generation.print_alignment = cfg.generation.print_alignment, "hard"
        for model in models:
            (model.half() if cfg.common.fp16 else model).to(device).prepare_for_inference_(cfg)
        cfg.generation.print_alignment = wanted
    return Loaded(task, models, split, device)


def extract(
    loaded: Loaded, cfg: FairseqConfig, progress: Any = iter, *, seed: int | None = None
) -> list[AttentionRecord]:
    """All records of :func:`decoded` as a list, for sets that fit into memory."""
    with decoded(loaded, cfg, progress=progress, seed=seed) as records:
        return list(records)


@contextmanager
def decoded(
    loaded: Loaded,
    cfg: FairseqConfig,
    *,
    folder: Path | None = None,
    progress: Any = iter,
    change: Callable[[AttentionRecord], AttentionRecord] = lambda record: record,
    seed: int | None = None,
) -> Iterator[Columns]:
    """Attention of every hypothesis of every sentence, in corpus order, best hypothesis first.

    With ``cfg.generation.score_reference`` the hypothesis is the reference itself (teacher forcing). The records are
    kept in temporary files, so that memory does not grow with them; they can be read until the block ends.

    :param folder: for the temporary files; by default where temporary files are.
    :param progress: wraps the iterable of batches, e.g. a progress bar.
    :param change: makes of each record the one that is kept.
    :param seed: of what is drawn (``--sampling``, ``--retain-dropout``); by default that of ``cfg``.
    :raises UserError: the model returns no attention, or a sentence of the split is missing that was not to be skipped.
    """
    with Columns(folder) as columns:
        with quiet_batches():
            for record in _decode(loaded, cfg, progress(_batches(loaded, cfg)), seed):
                columns.add(change(record))
        check_complete(np.append(columns.ids, skipped(loaded, cfg)), len(loaded.task.dataset(loaded.split)))
        yield columns


@contextmanager
def quiet_batches() -> Iterator[None]:
    """Let fairseq's data loader ask for pinned memory, though there may be no GPU to need it, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*'pin_memory' argument is set as true", category=UserWarning)
        yield


class Draws:
    """torch's random numbers from a seed, whatever else is drawn before, between and after."""

    def __init__(self, seed: int, device: torch.device) -> None:
        check_seed(seed)
        self._gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
        self._state = torch.Generator().manual_seed(seed).get_state()
        self._gpu_states = [torch.Generator(device).manual_seed(seed).get_state() for _ in self._gpus]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Draw from where the last such block ended; after the block, torch goes on as if nothing had been drawn."""
        with torch.random.fork_rng(devices=self._gpus):
            torch.set_rng_state(self._state)
            for gpu, state in zip(self._gpus, self._gpu_states, strict=True):
                torch.cuda.set_rng_state(state, gpu)
            yield
            self._state = torch.get_rng_state()
            self._gpu_states = [torch.cuda.get_rng_state(gpu) for gpu in self._gpus]


def sentences_of(loaded: Loaded) -> tuple[Iterator[tuple[str, ...]], Iterator[tuple[str, ...]]]:
    """The sources of the split and its references as tokens; a split may have no references."""
    dataset = loaded.task.dataset(loaded.split)

    def side(name: str, dictionary: Dictionary) -> Iterator[tuple[str, ...]]:
        for number in range(len(dataset)):
            tokens = dataset[number].get(name)
            if tokens is None:
                return
            yield tuple([dictionary.symbols[token] for token in tokens.tolist()])

    return side("source", loaded.task.source_dictionary), side("target", loaded.task.target_dictionary)


def skipped(loaded: Loaded, cfg: FairseqConfig) -> np.ndarray:
    """(N,) int64, the sentences that are left out: those longer than task or models take, if ``cfg`` wants it so."""
    dataset, limits = loaded.task.dataset(loaded.split), _max_positions(loaded)
    if limits is None or not cfg.dataset.skip_invalid_size_inputs_valid_test:
        return np.empty(0, dtype=np.int64)
    _, ignored = dataset.filter_indices_by_size(np.arange(len(dataset)), limits)
    return np.sort(np.asarray(ignored, dtype=np.int64))


def _max_positions(loaded: Loaded) -> Any:
    return utils.resolve_max_positions(loaded.task.max_positions(), *[model.max_positions() for model in loaded.models])


def extract_forced(loaded: Loaded, cfg: FairseqConfig, sentence: int) -> AttentionRecord:
    """Attention over the reference of one sentence, whatever ``cfg.generation.score_reference`` says.

    :param sentence: its position in the split.
    :raises UserError: the split has no such sentence or no references, or the model returns no attention.
    """
    dataset = loaded.task.dataset(loaded.split)
    if not 0 <= sentence < len(dataset):
        raise UserError(f"no sentence {sentence} in split {loaded.split!r}: choose one from 0 to {len(dataset) - 1}")
    sample = dataset.collater([dataset[sentence]])
    if sample.get("target") is None:
        raise UserError(f"split {loaded.split!r} has no references: choose data with a target side")
    scoring = deepcopy(cfg)
    scoring.generation.score_reference = True
    (record,) = _decode(loaded, scoring, [sample])
    return record


def _decode(
    loaded: Loaded, cfg: FairseqConfig, batches: Iterable[dict[str, Any]], seed: int | None = None
) -> Iterator[AttentionRecord]:
    """The records in the order of the batches."""
    draws = Draws(cfg.common.seed if seed is None else seed, loaded.device)
    generation = deepcopy(cfg.generation)
    generation.print_alignment = None  # it would make the generator read attention off once more
    check_generation(generation)
    with fairseq_refusals():
        generator = with_mean_attention(loaded.task.build_generator(loaded.models, generation))
    forced = bool(cfg.generation.score_reference)
    for sample in batches:
        if (forced or cfg.generation.prefix_size > 0) and sample.get("target") is None:
            raise UserError(f"split {loaded.split!r} has no references: choose data with a target side")
        sample = utils.apply_to_sample(lambda tensor: tensor.to(loaded.device), right_padded(sample, loaded.task))
        if forced:
            # fairseq's scorer reads its scores from there on; without it, from the padding of a left-padded target.
            sample["start_indices"] = sample["target"].eq(loaded.task.target_dictionary.pad()).long().argmin(dim=1)
        prefix = sample["target"][:, : cfg.generation.prefix_size] if cfg.generation.prefix_size > 0 else None
        with decoding(generator, sample), draws.going_on():
            if forced:
                hypotheses = score_references(loaded.task, generator, loaded.models, sample)
            else:
                # fairseq's diverse search takes ids for rows
                numbered = {**sample, "id": torch.arange(len(sample["id"]), device=loaded.device)}
                hypotheses = loaded.task.inference_step(generator, loaded.models, numbered, prefix_tokens=prefix)
        yield from records_of_batch(sample, hypotheses, loaded.task, nbest=cfg.generation.nbest, forced=forced)


def right_padded(sample: dict[str, Any], task: FairseqTask) -> dict[str, Any]:
    """The batch with its source padded on the right.

    fairseq's LSTM turns left padding into right padding inside, and its attention with it: only right-padded batches
    have attention and source at the same positions for every model.
    """
    net_input = sample["net_input"]
    tokens = net_input["src_tokens"]
    # fairseq's convert_padding_direction takes a batch with an empty source for one that is padded on the left.
    tokens = PaddingLayout(tokens.eq(task.source_dictionary.pad())).to_right_padded(tokens)
    return {**sample, "net_input": {**net_input, "src_tokens": tokens}}


def check_open_files(workers: int) -> None:
    """Refuse more processes than the system allows open files for; they would wait for one another for ever.

    :param workers: the number of processes that prepare batches.
    :raises UserError: naming how many files they need.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 32 + 16 * workers  # measured: 33 for one, 130 for 8
    if workers and resource.RLIM_INFINITY != allowed < needed:
        raise UserError(
            f"--num-workers {workers} needs {needed} open files, and the system allows {allowed}: leave it out, or "
            f"run `ulimit -n {needed}` first",
            exit_code=FAILURE,
        )


def _batches(loaded: Loaded, cfg: FairseqConfig) -> Any:
    check_open_files(cfg.dataset.num_workers)
    max_tokens, max_sentences = cfg.dataset.max_tokens, cfg.dataset.batch_size
    if max_tokens is None and max_sentences is None:
        max_tokens = 12000  # as fairseq-generate does
    with fairseq_refusals():
        batches = loaded.task.get_batch_iterator(
            dataset=loaded.task.dataset(loaded.split),
            max_tokens=max_tokens,
            max_sentences=max_sentences,
            max_positions=_max_positions(loaded),
            ignore_invalid_inputs=cfg.dataset.skip_invalid_size_inputs_valid_test,
            required_batch_size_multiple=1,  # a larger one makes fairseq drop the last sentences
            num_workers=cfg.dataset.num_workers,
        )
        return batches.next_epoch_itr(shuffle=False)


def records_of_batch(
    sample: dict[str, Any],
    hypotheses: Iterable[list[dict[str, Tensor]]],
    task: FairseqTask,
    *,
    nbest: int = 1,
    forced: bool = False,
) -> Iterator[AttentionRecord]:
    """Turn what fairseq's generator returned for a batch into records, padding removed.

    :param forced: ``hypotheses`` are from fairseq's scorer, whose attention is padded target x source; that of the
        generator is source x target.
    :raises UserError: the hypotheses carry no attention.
    """
    source_rows = _rows(sample["net_input"]["src_tokens"], task.source_dictionary)
    gold = sample.get("target")
    target_rows = repeat((None, None)) if gold is None else _rows(gold, task.target_dictionary)
    symbols = task.target_dictionary.symbols
    for number, (source, is_source), (reference, is_target), of_sentence in zip(
        sample["id"].tolist(), source_rows, target_rows, hypotheses, strict=False
    ):
        for rank, hypothesis in enumerate(of_sentence[:nbest]):
            attention = hypothesis.get("attention")
            if attention is None or attention.numel() == 0:
                raise UserError("the model returns no attention: train one with an attention mechanism")
            weights = attention.float().cpu().numpy()
            weights = weights[is_target] if forced else weights.T
            yield AttentionRecord(
                id=number,
                source=source,
                target=tuple([symbols[token] for token in hypothesis["tokens"].tolist()]),
                weights=weights[:, is_source],
                score=float(hypothesis["score"]),
                reference=reference,
                rank=rank,
            )


def _rows(tokens: Tensor, dictionary: Dictionary) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """For each row of a batch its symbols without padding, and where they stand."""
    symbols, numbers = dictionary.symbols, tokens.cpu().numpy()
    for row, mask in zip(numbers, numbers != dictionary.pad(), strict=True):
        yield tuple([symbols[number] for number in row[mask].tolist()]), mask


def check_complete(ids: ArrayLike, sentences: int) -> None:
    """Make sure that every sentence of the split is there.

    :param ids: of the records, in any order.
    :raises UserError: naming the sentences without a record.
    """
    missing = np.setdiff1d(np.arange(sentences), ids)
    if missing.size:
        ids = listed(missing.tolist())
        raise UserError(f"{missing.size} of {sentences} sentences are missing: ids {ids}", exit_code=FAILURE)
