"""README and docs say what is: commands are those of quickstart.sh, tables name the options and their defaults."""

import dataclasses
import re
import shlex
import sys
from argparse import SUPPRESS
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from data_gen.__main__ import _build_parser
from data_gen.copy.spec import CopySpec
from fairseq_plugin.criterions.chunked_cross_entropy import ChunkedCrossEntropyConfig
from fairseq_plugin.models.options import GRUAttentionConfig
from fairseq_plugin.modules import attention
from fairseq_plugin.modules.attention import ATTENTION, Attention
from fairseq_plugin.optim.fused_adam import FusedAdamWConfig
from fairseq_plugin.tasks.copy_config import CopyTaskConfig
from scripts import results_table
from scripts.common import replace_section
from tests.unit.modules import test_attention_family as family

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTIONS = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
INTERNALS = (ROOT / "docs" / "internals.md").read_text(encoding="utf-8")
STUDIES = (
    *("length_study", "translation_study", "benchmark", "kill_and_resume", "results_table", "gpu_check", "compat"),
    *("parameter_table", "profile_training"),
)
NEW_SCORE = "### A new attention score"
COMMANDS = (
    ("python", "-m", "data_gen"),
    ("fairseq-train",),
    ("fairseq-generate",),
    ("python", "scripts/extract_attention.py"),
    ("python", "scripts/plot_attention.py"),
)


def section(title: str, document: str = README) -> str:
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = document.partition(f"\n{title}\n")
    assert found, f"no heading {title!r}"
    return re.split(r"\n##+ ", rest)[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def commands(script: str) -> list[list[str]]:
    """The words of each command of ``COMMANDS`` in a shell script, in order."""
    lines = script.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if "[[" not in line and "$(" not in line]
    return [line for line in words if any(tuple(line[: len(start)]) == start for start in COMMANDS)]


def quickstart_commands(folder: str) -> list[list[str]]:
    script = (ROOT / "scripts" / "quickstart.sh").read_text(encoding="utf-8")
    script = re.sub(r"^run(_(quietly_)?into \S+)? ", "", script, flags=re.M)
    script = script.replace("$model", "$folder/checkpoints/checkpoint_best.pt").replace("$folder", folder)
    return [[word for word in command if word != "--overwrite"] for command in commands(script)]


def test_the_steps_are_those_of_the_quick_start() -> None:
    steps = commands("\n".join(blocks(section("## Step by step"), "bash")))
    assert len(steps) == len(COMMANDS)
    assert steps == quickstart_commands("/tmp/copy")


def test_the_results_are_trained_as_in_the_quick_start() -> None:
    training = quickstart_commands("x")[1]
    mine = ["fairseq-train", "x/data", *results_table.PLUGIN, *results_table.TRAINING]
    mine += ["--seed", "1", "--save-dir", "x/checkpoints"]
    assert options_of(mine) == options_of(training)


def options_of(command: list[str]) -> set[str]:
    """Options with their values, in no order."""
    return {option.strip() for option in " ".join(command).split(" --")}


def rows(text: str) -> dict[str, list[str]]:
    """The other columns of the table in a text by its first column."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines[2:]}


def shown(value: Any) -> str:
    """A default as the tables show it."""
    if value is None:
        return "none"
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def of_dataclass(config: type) -> dict[str, tuple[str, str]]:
    """Options of a fairseq dataclass, without those that fairseq defines itself (``${...}``): default and help."""
    fields = [field for field in dataclasses.fields(config) if not field.name.startswith("_") and field.name != "data"]
    return {
        f"--{field.name.replace('_', '-')}": (shown(field.default), field.metadata["help"])
        for field in fields
        if not str(field.default).startswith("${")
    }


def of_data_gen(route: str) -> dict[str, tuple[str, str]]:
    """Options of a route. Its help is shorter than the page, and is not compared."""
    (routes,) = (action for action in _build_parser()._actions if action.dest == "route")
    actions = routes.choices[route]._actions  # type: ignore[index, call-overload, union-attr]
    named = [action for action in actions if action.option_strings and "--help" not in action.option_strings]
    return {action.option_strings[0]: (shown(_default(action)), "") for action in named}


def _default(action: Any) -> object:
    """That of the preset, where only a value that is given replaces the preset's."""
    if action.default is not SUPPRESS:
        return action.default
    value = getattr(CopySpec(), action.dest)
    return None if value == () else value


def of_script(name: str) -> dict[str, tuple[str, str]]:
    """Options of a command in scripts/: the default that ``--help`` names, and the rest of the help."""
    parser = import_module("scripts.benchmark.__main__" if name == "benchmark" else f"scripts.{name}").parser()
    options = {}
    for action in parser._actions:
        if action.option_strings and "--help" not in action.option_strings and action.help != SUPPRESS:
            option = next(option for option in action.option_strings if option.startswith("--"))
            words, *default = re.split(r" \(default: ([^)]*)\)", action.help % vars(action))
            unsaid = "off" if action.nargs == 0 else shown(action.default or None)
            options[option] = (default[0], words + default[1]) if default else (unsaid, words)
    return options


def of_studies() -> dict[str, tuple[str, str]]:
    """The options of all of ``STUDIES`` by command and option."""
    return {f"{name} {option}": known for name in STUDIES for option, known in of_script(name).items()}


@pytest.mark.parametrize(
    ("title", "options"),
    [
        ("## `python -m data_gen copy DESTDIR`", of_data_gen("copy")),
        ("## `python -m data_gen text DESTDIR`", of_data_gen("text")),
        ("## `--task copy`", of_dataclass(CopyTaskConfig)),
        ("## `--arch gru_attention`", of_dataclass(GRUAttentionConfig)),
        ("## `--criterion chunked_cross_entropy`", of_dataclass(ChunkedCrossEntropyConfig)),
        ("## `--optimizer fused_adamw`", of_dataclass(FusedAdamWConfig)),
        ("## `scripts/extract_attention.py DATA`", of_script("extract_attention")),
        ("## `scripts/plot_attention.py ATTENTION`", of_script("plot_attention")),
        ("## `scripts/view_attention.py ATTENTION`", of_script("view_attention")),
        ("## `scripts/attention_stats.py ATTENTION`", of_script("attention_stats")),
        ("## Studies and checks", of_studies()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_say_of_every_option_what_help_says(title: str, options: dict[str, tuple[str, str]]) -> None:
    """The default, and a meaning that begins with the words of the help."""
    table = rows(section(title, OPTIONS))
    assert {option: default for option, (default, _) in table.items()} == {
        option: default for option, (default, _) in options.items()
    }
    for option, (_, words) in options.items():
        assert table[option][1].replace("`", "").startswith(words), option


def test_the_attention_that_is_shown_works() -> None:
    names: dict[str, Any] = {}
    exec(blocks(section(NEW_SCORE, INTERNALS), "python")[0], names)
    made: Attention = names["CosineAttention"](query_dim=5, value_dim=6, attention_dim=7)
    values, query = torch.rand(2, 3, 6), torch.rand(2, 5)
    keys = made.project_keys(values)
    context, weights = made(query, keys, values, torch.tensor([[False] * 3, [False, False, True]]))
    assert (context.shape, weights.shape) == ((2, 6), (2, 3))
    keys = torch.einsum("hc,bsc->bsh", made.key_projection.weight, values)
    scores = 10.0 * torch.cosine_similarity(query.unsqueeze(1), keys, dim=2)
    torch.testing.assert_close(weights[0], scores[0].softmax(0))
    assert weights[1, 2] == 0.0


def test_a_new_attention_score_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = section(NEW_SCORE, INTERNALS)
    score, imported, entry, equation, expected = blocks(page, "python")
    folder, module = score.split("\n")[0].removeprefix("# ").rsplit("/", 1)
    (tmp_path / module).write_text(score, encoding="utf-8")
    assert [str(ROOT / folder)] == attention.__path__
    monkeypatch.setattr(attention, "__path__", [*attention.__path__, str(tmp_path)])
    names = {**vars(attention), **vars(family)}
    exec(imported, names)
    del sys.modules[names["CosineAttention"].__module__]  # for other tests, there is no such module
    monkeypatch.setitem(ATTENTION, "cosine", eval(f"{{{entry}}}", names)["cosine"])
    with pytest.raises(AssertionError, match=r"^cosine has no equation .*: add it to SCORES in .*_family\.py"):
        family.test_weights_and_context_are_those_of_the_equations("cosine", left=False, first=False)
    exec(equation, names)
    monkeypatch.setitem(family.SCORES, "cosine", eval(f"{{{expected}}}", names)["cosine"])
    for left, first in ((True, True), (False, False)):
        family.test_weights_and_context_are_those_of_the_equations("cosine", left=left, first=first)
    family.test_gradients_are_those_of_finite_differences("cosine")


def test_the_tests_that_the_page_on_attention_names_exist() -> None:
    named = re.findall(
        r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "attention.md").read_text(encoding="utf-8")
    )
    assert len(named) >= 7
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_the_page_on_attention_has_every_kind() -> None:
    page = (ROOT / "docs" / "attention.md").read_text(encoding="utf-8")
    for title in ("## Scores", "## What a score costs"):
        assert list(rows(section(title, page))) == list(ATTENTION)


@pytest.mark.parametrize("name", ["results", "speed"])
def test_measured_sections_can_be_replaced(name: str) -> None:
    assert "new" in replace_section(README, name, "new")
