"""``--help`` of every command, as the files in tests/data/help/ have it.

Versions of Python break lines in different places, and write ``-o FILE, --output FILE`` or ``-o, --output FILE``.
"""

import argparse
import importlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fairseq.dataclass.utils import gen_parser_from_dataclass
from torch.distributed.run import get_args_parser

from data_gen.__main__ import main as data_gen
from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyConfig
from fairseq_plugin.models.options import GRUAttentionConfig
from fairseq_plugin.optim.fused_adam import FusedAdamWConfig
from fairseq_plugin.tasks.copy_config import CopyTaskConfig
from scripts import train_distributed
from tests.support.commands import ROOT

HELP = ROOT / "tests" / "data" / "help"
WRITE = "FAIRSEQ_ATTENTION_WRITE_HELP"
REGISTERED = {
    "--task copy": CopyTaskConfig,
    "--arch gru_attention": GRUAttentionConfig,
    "--criterion chunked_cross_entropy": ChunkedCrossEntropyConfig,
    "--optimizer fused_adamw": FusedAdamWConfig,
}
FRONTS = {
    path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__main__").replace("/", "."): path
    for path in sorted([*ROOT.glob("scripts/*.py"), *ROOT.glob("scripts/*/__main__.py")])
    if "sys.exit(main())" in path.read_text(encoding="utf-8")
}


def plugin() -> None:
    """What the plugin adds to fairseq-train."""
    options = argparse.ArgumentParser("fairseq-train", usage="fairseq-train ...")
    for title, config in REGISTERED.items():
        gen_parser_from_dataclass(options.add_argument_group(title), config())
    options.parse_args(["--help"])


def launcher() -> None:
    """What scripts/train_distributed.sh says itself; torchrun's options are of torch's version."""
    options, of_torch = train_distributed.parser(), {action.help for action in get_args_parser()._actions}
    for group in options._action_groups:
        group._group_actions = [action for action in group._group_actions if action.help not in of_torch]
    options.parse_args(["--help"])


def front(name: str, *words: str) -> int:
    module = importlib.import_module(f"{name}.__main__" if FRONTS[name].stem == "__main__" else name)
    code: int = module.main(list(words))
    return code


COMMANDS: dict[str, Callable[[], object]] = {
    "data_gen": partial(data_gen, ["--help"]),
    "data_gen.copy": partial(data_gen, ["copy", "--help"]),
    "data_gen.text": partial(data_gen, ["text", "--help"]),
    "fairseq-train": plugin,
    **{name: partial(front, name, "--help") for name in FRONTS},
    "scripts.train_distributed": launcher,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stop:
        COMMANDS[name]()
    assert stop.value.code == 0
    path, said = HELP / f"{name}.txt", capsys.readouterr().out
    if WRITE in os.environ:
        path.write_text(said, encoding="utf-8")
    assert normalised(said) == normalised(path.read_text(encoding="utf-8")), (
        f"{name} --help differs from {path}; write it again with {WRITE}=1 pytest {Path(__file__).relative_to(ROOT)}"
    )


@pytest.mark.parametrize("name", FRONTS)
def test_wrong_use_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert front(name, "--no-such-option") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"[\w.]+: error: .*arguments.* \(`[\w. /-]+ --help` lists the options\)", line)


def normalised(text: str) -> str:
    words = " ".join(re.sub(r"-\s+(?=\w)", "-", text).split())  # lines are broken behind hyphens, too
    return re.sub(r" (--?[\w-]+) \S+(?=, --)", r" \1", words)


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in HELP.iterdir()} == set(COMMANDS)
