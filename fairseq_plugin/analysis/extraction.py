"""Attention out of trained models: run fairseq's generator or scorer and keep the weights of every hypothesis.

cfg = generation_config(["data", "--path", "checkpoint_best.pt", "--batch-size", "128"])
records = extract(load(cfg), cfg)
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np
import torch
from fairseq import checkpoint_utils, options, tasks, utils
from fairseq.data import Dictionary
from fairseq.dataclass.configs import FairseqConfig
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.tasks import FairseqTask
from omegaconf import open_dict
from torch import Tensor

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.analysis.records import AttentionRecord

# What torch and fairseq raise for a file that is no checkpoint, or a damaged one.
UNREADABLE = (UnpicklingError, EOFError, LookupError, RuntimeError, ValueError)


class Loaded(NamedTuple):
    """Models, their task and the split to read, ready to decode."""

    task: FairseqTask
    models: list[Any]
    split: str
    device: torch.device


def generation_config(arguments: Sequence[str]) -> FairseqConfig:
    """fairseq's own configuration of a generation run.

    :param arguments: as on the command line of fairseq-generate; the task is ``copy`` unless they name another.
    """
    parser = options.get_generation_parser(default_task="copy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's deprecations, meant for the authors of fairseq
        return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, list(arguments)))


def load(cfg: FairseqConfig) -> Loaded:
    """Set up the task, the checkpoints (several make an ensemble) and the split that ``cfg`` names.

    :raises UserError: no checkpoint at a path, a file that is none, or whatever the task refuses.
    """
    if not cfg.common_eval.path:
        raise UserError("no checkpoint given: name one with --path (several with ':' between them)")
    paths = utils.split_paths(cfg.common_eval.path)
    for path in paths:
        if not checkpoint_utils.PathManager.isfile(path):
            raise UserError(f"no checkpoint at {path!r}")
    task = tasks.setup_task(cfg.task)
    models, saved = _load_models(paths, task)
    task.load_dataset(cfg.dataset.gen_subset, task_cfg=saved.task)
    device = torch.device("cuda" if torch.cuda.is_available() and not cfg.common.cpu else "cpu")
    with open_dict(cfg.generation):
        # Some models compute attention only when it is asked for in this way.
        wanted, cfg.generation.print_alignment = cfg.generation.print_alignment, "hard"
        for model in models:
            model.to(device).prepare_for_inference_(cfg)
        cfg.generation.print_alignment = wanted
    return Loaded(task, models, cfg.dataset.gen_subset, device)


def _load_models(paths: list[str], task: FairseqTask) -> tuple[list[Any], Any]:
    try:
        models, saved = checkpoint_utils.load_model_ensemble(paths, task=task)
    except UserError:
        raise
    except UNREADABLE as error:
        # torch explains itself at length; what counts is what it does not load.
        unsafe = re.search(r"Unsupported global: GLOBAL ([\w.]+)", str(error))
        said = f"torch's safe loading refuses {unsafe[1]}" if unsafe else type(error).__name__
        raise UserError(
            f"cannot load {':'.join(paths)!r} ({said}): name a checkpoint that fairseq-train wrote for this model"
        ) from error
    return models, saved


def extract(loaded: Loaded, cfg: FairseqConfig, progress: Any = iter) -> list[AttentionRecord]:
    """Attention of every hypothesis of every sentence, in corpus order, best hypothesis first.

    With ``cfg.generation.score_reference`` the hypothesis is the reference itself (teacher forcing).

    :param progress: wraps the iterable of batches, e.g. a progress bar.
    :raises UserError: the model returns no attention, or a sentence of the split is missing.
    """
    generator = loaded.task.build_generator(loaded.models, cfg.generation)
    records: list[AttentionRecord] = []
    with warnings.catch_warnings():
        # fairseq's data loader asks for pinned memory whether or not there is a GPU to need it.
        warnings.filterwarnings("ignore", message=".*'pin_memory' argument is set as true", category=UserWarning)
        for sample in progress(_batches(loaded, cfg)):
            sample = utils.apply_to_sample(lambda tensor: tensor.to(loaded.device), sample)
            if cfg.generation.score_reference:
                # fairseq's scorer reads its scores from there on; without it, from the padding of a left-padded target.
                sample["start_indices"] = sample["target"].eq(loaded.task.target_dictionary.pad()).long().argmin(dim=1)
            hypotheses = loaded.task.inference_step(generator, loaded.models, sample)
            records.extend(records_of_batch(sample, hypotheses, loaded.task, nbest=cfg.generation.nbest))
    check_complete(records, len(loaded.task.dataset(loaded.split)))
    return sorted(records, key=lambda record: (record.id, record.rank))


def _batches(loaded: Loaded, cfg: FairseqConfig) -> Any:
    max_tokens, max_sentences = cfg.dataset.max_tokens, cfg.dataset.batch_size
    if max_tokens is None and max_sentences is None:
        max_tokens = 12000  # as fairseq-generate does
    return loaded.task.get_batch_iterator(
        dataset=loaded.task.dataset(loaded.split),
        max_tokens=max_tokens,
        max_sentences=max_sentences,
        max_positions=utils.resolve_max_positions(
            loaded.task.max_positions(), *[model.max_positions() for model in loaded.models]
        ),
        ignore_invalid_inputs=cfg.dataset.skip_invalid_size_inputs_valid_test,
        required_batch_size_multiple=1,  # a larger one makes fairseq drop the last sentences
        num_workers=cfg.dataset.num_workers,
    ).next_epoch_itr(shuffle=False)


def records_of_batch(
    sample: dict[str, Any], hypotheses: Iterable[list[dict[str, Tensor]]], task: FairseqTask, *, nbest: int = 1
) -> Iterator[AttentionRecord]:
    """Turn what fairseq's generator (or scorer) returned for a batch into records, padding removed.

    :raises UserError: the hypotheses carry no attention.
    """
    source_dictionary, target_dictionary = task.source_dictionary, task.target_dictionary
    for row, of_sentence in enumerate(hypotheses):
        source_tokens = sample["net_input"]["src_tokens"][row]
        is_source = source_tokens.ne(source_dictionary.pad())  # (S,), in the layout of the batch
        source = _symbols(source_tokens[is_source], source_dictionary)
        gold = sample.get("target")
        reference = None
        if gold is not None:
            is_target = gold[row].ne(target_dictionary.pad())
            reference = _symbols(gold[row][is_target], target_dictionary)
        for rank, hypothesis in enumerate(of_sentence[:nbest]):
            weights = hypothesis.get("attention")
            if weights is None or weights.numel() == 0:
                raise UserError("the model returns no attention: train one with an attention mechanism")
            if "alignment" in hypothesis and hypothesis["alignment"] is None:
                weights = weights[is_target]  # fairseq's scorer: padded target x source
            else:
                weights = weights.transpose(0, 1)  # fairseq's generator: source x target
            yield AttentionRecord(
                id=int(sample["id"][row]),
                source=source,
                target=_symbols(hypothesis["tokens"], target_dictionary),
                weights=weights[:, is_source].float().cpu().numpy(),
                score=float(hypothesis["score"]),
                reference=reference,
                rank=rank,
            )


def check_complete(records: Iterable[AttentionRecord], sentences: int) -> None:
    """Make sure that every sentence of the split is there.

    :raises UserError: naming the sentences without a record.
    """
    missing = np.setdiff1d(np.arange(sentences), [record.id for record in records])
    if missing.size:
        ids = ", ".join(map(str, missing[:20])) + (", ..." if missing.size > 20 else "")
        raise UserError(f"{missing.size} of {sentences} sentences are missing: ids {ids}", exit_code=FAILURE)


def _symbols(tokens: Tensor, dictionary: Dictionary) -> tuple[str, ...]:
    return tuple(dictionary[token] for token in tokens.tolist())
