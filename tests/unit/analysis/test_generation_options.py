"""Options of fairseq-generate: an extraction does what each of them says, or refuses it."""

import argparse
import math
import shutil
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import fairseq
import pytest
import torch
from fairseq import options

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import Draws, extract, generation_config, load
from fairseq_plugin.analysis.generation_options import check_generation, parse
from tests.support.commands import PLUGIN, Commands, generate_words, lines_of, train_words
from tests.support.errors import message_of

# What an extraction does as fairseq-generate does it, with values to give; those of the task "copy" as well.
HONOURED = {
    "task": "copy", "path": "x", "user_dir": str(PLUGIN), "gen_subset": "dev", "dataset_impl": "mmap", "cpu": True,
    "model_overrides": "{}", "checkpoint_suffix": "other", "batch_size": 3, "max_tokens": 9, "num_workers": 0,
    "required_seq_len_multiple": 2, "required_batch_size_multiple": 1, "skip_invalid_size_inputs_valid_test": True,
    "fp16": True, "memory_efficient_fp16": True, "seed": 7, "retain_dropout": True, "retain_dropout_modules": "x",
    "score_reference": True, "no_beamable_mm": True, "no_progress_bar": True, "quiet": True,
    "beam": 3, "nbest": 2, "max_len_a": 0.5, "max_len_b": 9, "min_len": 2, "match_source_len": True,
    "no_repeat_ngram_size": 2, "lenpen": 0.5, "unkpen": 1.5, "unnormalized": True, "temperature": 0.5,
    "prefix_size": 1, "sampling": True, "sampling_topk": 5, "sampling_topp": 0.5, "diverse_beam_groups": 5,
    "diverse_beam_strength": 0.1, "diversity_rate": 0.1,
    "source_lang": "src", "target_lang": "tgt", "online": True, "left_pad_source": True, "left_pad_target": True,
    "no_source_eos": True, "max_source_positions": 9, "max_target_positions": 9,
}  # fmt: skip
REFUSED = (
    # of training
    *("all_gather_list_size", "amp", "amp_batch_retries", "amp_init_scale", "amp_scale_window"),
    *("best_checkpoint_metric", "broadcast_buffers", "bucket_cap_mb", "combine_valid_subsets", "continue_once"),
    *("batch_size_valid", "cpu_offload", "criterion", "curriculum", "ddp_backend", "ddp_comm_hook", "device_id"),
    *("disable_validation", "empty_cache_freq", "fast_stat_sync", "find_unused_parameters", "finetune_from_model"),
    *("fix_batches_to_gpus", "fixed_validation_seed", "force_anneal", "fp16_init_scale", "fp16_no_flatten_grads"),
    *("fp16_scale_tolerance", "fp16_scale_window", "fp32_reduce_scatter", "gradient_as_bucket_view"),
    *("grouped_shuffling", "heartbeat_timeout", "ignore_unused_valid_subsets", "keep_best_checkpoints"),
    *("keep_interval_updates", "keep_interval_updates_pattern", "keep_last_epochs", "localsgd_frequency"),
    *("load_checkpoint_on_all_dp_ranks", "lr_scheduler", "lr_shrink", "max_tokens_valid", "max_valid_steps"),
    *("maximize_best_checkpoint_metric", "min_loss_scale", "no_epoch_checkpoints", "no_last_checkpoints"),
    *("no_reshard_after_forward", "no_save", "no_save_optimizer_state", "not_fsdp_flatten_parameters"),
    *("on_cpu_convert_precision", "optimizer", "optimizer_overrides", "patience", "reset_dataloader"),
    *("reset_lr_scheduler", "reset_meters", "reset_optimizer", "restore_file", "save_dir", "save_interval"),
    *("save_interval_updates", "slowmo_base_algorithm", "slowmo_momentum", "threshold_loss_scale", "train_subset"),
    *("update_epoch_batch_itr", "update_ordered_indices_seed", "use_sharded_state", "valid_subset"),
    *("validate_after_updates", "validate_interval", "validate_interval_updates", "warmup_updates"),
    *("write_checkpoints_asynchronously", "zero_sharding"),
    # of several processes and other hardware
    *("bf16", "memory_efficient_bf16", "distributed_backend", "distributed_init_method", "distributed_no_spawn"),
    *("distributed_num_procs", "distributed_port", "distributed_rank", "distributed_world_size", "model_parallel_size"),
    *("nprocs_per_node", "num_shards", "shard_id", "pipeline_balance", "pipeline_checkpoint", "pipeline_chunks"),
    *("pipeline_decoder_balance", "pipeline_decoder_devices", "pipeline_devices", "pipeline_encoder_balance"),
    *("pipeline_encoder_devices", "pipeline_model_parallel", "plasma_path", "tpu", "use_plasma_view"),
    *("checkpoint_shard_count", "data_buffer_size", "profile", "quantization_config_path", "suppress_crashes"),
    # of what fairseq-generate prints and logs
    *("aim_repo", "aim_run_hash", "azureml_logging", "bpe", "eos", "log_file", "log_format", "log_interval", "pad"),
    *("post_process", "print_alignment", "print_step", "replace_unk", "reset_logging", "results_path", "sacrebleu"),
    *("scoring", "tensorboard_logdir", "tokenizer", "unk", "wandb_project"),
    # of other models and searches
    *(
        "beam_mt",
        "constraints",
        "decoding_format",
        "eos_token",
        "iter_decode_eos_penalty",
        "iter_decode_force_max_iter",
    ),
    *("iter_decode_max_iter", "iter_decode_with_beam", "iter_decode_with_external_reranker", "lenpen_mt", "lm_path"),
    *("lm_weight", "max_len_a_mt", "max_len_b_mt", "no_early_stop", "no_seed_provided", "retain_iter_history"),
    # of the task's validation
    *("attention_figures", "eval_beam", "eval_print_examples"),
)


LATER = {"beam_mt", "lenpen_mt", "max_len_a_mt", "max_len_b_mt"}  # not in fairseq 0.12.2


def actions() -> dict[str, argparse.Action]:
    """Every option of fairseq's generation parser, those of its registries and of the task among them."""
    parser = options.get_generation_parser(default_task="copy")
    options.parse_args_and_arch(parser, ["data"])
    return {action.dest: action for action in parser._actions if action.option_strings and action.dest != "help"}


def words_of(action: argparse.Action, value: Any = None) -> list[str]:
    option = action.option_strings[0]
    if action.nargs == 0:
        return [option]
    given = value if value is not None else next(iter(action.choices or ()), None)
    return [option, str(given if given is not None else 1)]


def test_every_option_is_honoured_or_refused() -> None:
    there = actions()
    assert set(there) | LATER == set(HONOURED) | set(REFUSED)
    assert not set(HONOURED) & set(REFUSED)
    for name, value in HONOURED.items():
        assert getattr(parse(["data", *words_of(there[name], value)]), name) == value, name
    for name in set(REFUSED) & set(there):
        with pytest.raises(UserError) as caught:
            parse(["data", *words_of(there[name])])
        assert str(caught.value).startswith(f"--{name.replace('_', '-')} has no effect on an extraction: "), name


@pytest.mark.parametrize("words", [["--nosuch"], ["--lenpen", "x"], ["--nbest"]], ids=" ".join)
def test_fairseq_says_in_one_line_what_is_wrong(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = message_of(parse, ["data", *words])
    assert words[0] in said
    assert said.endswith(" (`fairseq-generate --help` lists the options)")
    assert capsys.readouterr() == ("", "")


def test_what_to_do_instead() -> None:
    assert message_of(parse, ["data", "--remove-bpe"]) == (
        "--post-process has no effect on an extraction: use --merge of extract_attention.py"
    )


def test_references_are_not_searched_for() -> None:
    assert message_of(parse, ["data", "--score-reference", "--lenpen", "2"]) == (
        "--lenpen has no effect on references, which are read and not searched for: leave it out"
    )


def extracted(data: Path, path: Path, *words: object, seed: int | None = None) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's
        cfg = generation_config([str(word) for word in (data, "--path", path, "--num-workers", 0, *words)])
        return extract(load(cfg), cfg, seed=seed)


SEARCHES = {
    "lengths": ("--lenpen", 3, "--min-len", 4, "--max-len-a", 0.5, "--max-len-b", 3, "--unkpen", 2),
    "prefixes": ("--prefix-size", 2, "--no-repeat-ngram-size", 2, "--temperature", 2, "--unnormalized"),
    "siblings": ("--diversity-rate", 2, "--beam", 3, "--nbest", 3),
    # In fairseq 0.12.2, hypotheses of another length have a score of -inf.
    "as long as the source": (
        "--match-source-len",
        "--beam",
        3,
        "--nbest",
        1 if fairseq.__version__ == "0.12.2" else 3,
    ),
    "half precision": ("--fp16", "--cpu", "--nbest", 5),
}


@pytest.mark.parametrize("words", SEARCHES.values(), ids=SEARCHES.keys())
def test_decodes_as_fairseq_generate(
    commands: Commands, copy_data: Path, trained: Path, words: tuple[Any, ...]
) -> None:
    batches = ("--batch-size", 8)
    expected = lines_of(commands.succeed(*generate_words(copy_data, trained, *batches, *words)), "H")
    found: dict[int, list[str]] = {}
    for record in extracted(copy_data, trained, *batches, *words):
        found.setdefault(record.id, []).append(" ".join(record.target[:-1]))
    assert found == expected


def test_diverse_search_is_that_of_single_sentences(copy_data: Path, trained: Path) -> None:
    """fairseq itself mixes up the rows of a batch, or fails at a second one."""
    words = ("--diverse-beam-groups", 2, "--diverse-beam-strength", 2.5, "--beam", 2, "--nbest", 2)
    alone, together = (extracted(copy_data, trained, *words, "--batch-size", size) for size in (1, 7))
    assert [made.target for made in together] == [made.target for made in alone]
    assert [made.target for made in alone] != [made.target for made in extracted(copy_data, trained, *words[4:])]


@pytest.fixture(scope="module")
def dropping(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a model with dropout."""
    folder = tmp_path_factory.mktemp("dropping")
    commands.succeed(*train_words(copy_data, folder, "--max-epoch", 2, "--dropout", 0.2))
    return folder / "checkpoint_best.pt"


@pytest.mark.parametrize(
    "words", [("--sampling", "--beam", 1, "--sampling-topk", 5), ("--retain-dropout",)], ids=["sampling", "dropout"]
)
def test_a_seed_decides_what_is_drawn(copy_data: Path, dropping: Path, words: tuple[Any, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's
        words = (copy_data, "--path", dropping, "--num-workers", 0, *words, "--seed", 7)
        cfg = generation_config([str(word) for word in words])
    loaded = load(cfg)

    def drawn(seed: int | None) -> list[Any]:
        torch.rand(1)  # whatever happened before is all the same
        return [(made.target, made.weights.tolist()) for made in extract(loaded, cfg, seed=seed)]

    seventh = drawn(None)
    assert drawn(None) == drawn(7) == seventh
    assert drawn(8) != seventh


def test_torch_goes_on_as_if_nothing_had_been_drawn() -> None:
    expected = torch.Generator().manual_seed(7)
    draws = Draws(7, torch.device("cpu"))
    torch.manual_seed(1)
    for _ in range(2):
        with draws.going_on():
            assert torch.equal(torch.rand(3), torch.rand(3, generator=expected))
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(1)))


def test_a_suffix_of_the_checkpoint(copy_data: Path, trained: Path, also_trained: Path, tmp_path: Path) -> None:
    for path, name in ((trained, "model.pt"), (also_trained, "model-other.pt")):
        shutil.copy(path, tmp_path / name)
    suffixed = extracted(copy_data, tmp_path / "model.pt", "--checkpoint-suffix=-other")
    assert [made.score for made in suffixed] == [made.score for made in extracted(copy_data, also_trained)]
    assert message_of(extracted, copy_data, tmp_path / "model.pt", "--checkpoint-suffix=-none") == (
        f"no checkpoint at '{tmp_path}/model-none.pt': name one that fairseq-train wrote"
    )


NUMBERS = {
    "beam": ({"beam": 0}, "--beam must be at least 1, but is 0"),
    "nbest": ({"nbest": -1}, "--nbest must be at least 1, but is -1"),
    "more than the beam": ({"beam": 1, "nbest": 3}, "--nbest must be at most --beam 1, but is 3"),
    "temperature 0": ({"temperature": 0.0}, "--temperature must be a number above 0, but is 0.0"),
    "temperature nan": ({"temperature": math.nan}, "--temperature must be a number above 0, but is nan"),
    "temperature inf": ({"temperature": math.inf}, "--temperature must be a number above 0, but is inf"),
    "lenpen nan": ({"lenpen": math.nan}, "--lenpen must be from -50 to 50, but is nan"),
    "lenpen huge": ({"lenpen": 1e12}, "--lenpen must be from -50 to 50, but is 1000000000000.0"),
    "unkpen": ({"unkpen": math.nan}, "--unkpen must be a number, but is nan"),
    "top p": ({"sampling_topp": math.nan}, "--sampling-topp must be at most 1, but is nan"),
    "length": ({"max_len_a": math.inf}, "--max-len-a must be a number, but is inf"),
    "groups": ({"diverse_beam_groups": 2}, "--diverse-beam-groups must be a divisor of --beam 5, but is 2"),
    "strength": ({"diverse_beam_strength": math.nan}, "--diverse-beam-strength must be a number, but is nan"),
}


@pytest.mark.parametrize(("options_", "line"), NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers_that_fairseq_cannot_decode_with(options_: dict[str, float], line: str) -> None:
    assert message_of(check_generation, Namespace(**options_)) == line


def test_numbers_at_the_border() -> None:
    check_generation(Namespace())
    check_generation(Namespace(temperature=1e-3, lenpen=-50.0, unkpen=math.inf, sampling_topp=1.0, beam=6, nbest=6))
    check_generation(Namespace(beam=6, diverse_beam_groups=3, max_len_a=-1.0))


@pytest.mark.parametrize("seed", [-1, 4_000_000_001])
def test_seeds(seed: int) -> None:
    assert message_of(parse, ["data", "--seed", str(seed)]) == f"--seed must be from 0 to 4000000000, but is {seed}"


def test_no_room_for_the_shortest_output(copy_data: Path, trained: Path) -> None:
    assert message_of(extracted, copy_data, trained, "--max-len-b", 3, "--min-len", 4).startswith(
        "--min-len 4 is more than an output may have: 3 tokens (--max-len-a 0, --max-len-b 3, a source of "
    )


def test_more_candidates_than_symbols(copy_data: Path, trained: Path) -> None:
    assert message_of(extracted, copy_data, trained, "--sampling", "--beam", 1, "--sampling-topk", 9) == (
        "the target dictionary has 8 symbols, fewer than --beam or --sampling-topk ask for: lower them"
    )
