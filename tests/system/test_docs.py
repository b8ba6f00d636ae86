"""The documents hold together: links, anchors and paths lead somewhere, commands name what exists and what it knows."""

import argparse
import ast
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest
from fairseq import options
from fairseq.dataclass.configs import FairseqConfig

from data_gen.__main__ import _build_parser
from fairseq_plugin.models import architectures  # noqa: F401 (registers what --task and --arch name)
from fairseq_plugin.tasks import copy_task  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.M | re.S)
HEADING = re.compile(r"^#+ (.+)$", flags=re.M)
FILE = re.compile(r"`((?:[\w-]+/)+[\w.-]*)`")
COMMAND = re.compile(r"(?:\w+=\S+ )*(?:parallel )?(?:python (?:-m |scripts/)|scripts/|fairseq-)")
FAIRSEQ_PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "fairseq-train": options.get_training_parser,
    "fairseq-generate": partial(options.get_generation_parser, default_task="copy"),
    "fairseq-interactive": options.get_interactive_generation_parser,
}
LAUNCHER = "scripts/train_distributed.sh"
SOURCES = (".md", ".py", ".sh", ".toml", ".yaml")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", text_of(page))


def anchors(page: Path) -> list[str]:
    """The names that GitHub gives to headings: in lower case, no punctuation, a hyphen for each space."""
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(prose(page))]


def test_anchors_are_named_as_on_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `python -m x`\n\n## Why, and how?\n\n```bash\n# no heading\n```\n", encoding="utf-8")
    assert anchors(page) == ["python--m-x", "why-and-how"]


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pages
def test_paths_that_are_named_exist(page: Path) -> None:
    """From the root, or from the plugin's folder. What a run writes, or a reader brings, is not meant."""
    places = (ROOT, ROOT / "fairseq_plugin")
    for path in FILE.findall(prose(page)):
        if path.endswith(SOURCES) or any((place / path.split("/")[0]).is_dir() for place in places):
            assert any((place / path).exists() for place in (*places, page.parent)), path


@pages
def test_names_that_are_imported_exist(page: Path) -> None:
    """A block that begins with the name of a new file makes a module; test_readme.py imports it."""
    blocks = [block for language, block in BLOCK.findall(text_of(page)) if language == "python"]
    new = {name.replace("/", ".") for block in blocks for name in re.findall(r"\A# (\S+)\.py\n", block)}
    for block in blocks:
        for statement in (node for node in ast.walk(parsed(block)) if isinstance(node, ast.ImportFrom)):
            if statement.module in new:
                continue
            module = importlib.import_module(statement.module or "")
            assert {alias.name for alias in statement.names} <= set(dir(module)), ast.unparse(statement)


def parsed(block: str) -> ast.Module:
    """A block of Python, or an empty one if it is a line out of the middle of something."""
    try:
        return ast.parse(block)
    except SyntaxError:
        return ast.parse("")


def test_the_readme_lists_every_page() -> None:
    _, _, table = text_of(ROOT / "README.md").partition("\n## Read on\n")
    linked = set(re.findall(r"^\| (\[.*?) \|", table, flags=re.M))
    linked = {path for cell in linked for path in re.findall(r"\]\((docs/[\w-]+\.md)\)", cell)}
    assert linked == {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")}


def test_the_tree_of_the_code_names_what_exists() -> None:
    _, _, after = text_of(ROOT / "docs" / "internals.md").partition("\n## The code\n")
    tree = next(block for language, block in BLOCK.findall(after) if language == "text")
    folders: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [line.split()[0]]
        assert (ROOT / "".join(folders)).exists(), "".join(folders)


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command in blocks of shell and indented lines, what the shell would put in replaced by 0."""
    shell = "".join(block for language, block in BLOCK.findall(text_of(page)) if language == "bash")
    shell += "".join(line[4:] + "\n" for line in prose(page).splitlines() if line.startswith("    "))
    for line in shell.replace("\\\n", " ").splitlines():
        if COMMAND.match(line):
            words = shlex.split(re.sub(r'"\$\([^)]*\)([^"]*)"|\$\([^)]*\)|"?\$\w+"?|\{\}', "0", line), comments=True)
            while re.match(r"\w+=", words[0]) or words[0] == "parallel":
                del words[0]
            yield words[: words.index(":::")] if ":::" in words else words


def inline_commands(page: Path) -> list[list[str]]:
    """Those in the middle of a sentence, which may leave things out."""
    return [
        shlex.split(text)
        for text in re.findall(r"`(?:\w+=\S+ )?((?:python (?:-m |scripts/)|scripts/)[^`]+)`", prose(page))
    ]


def own_parser(words: list[str]) -> tuple[str, argparse.ArgumentParser | None]:
    """The module behind ``python -m MODULE``, ``python scripts/FILE`` or the launcher, and its parser if it has one."""
    name = words[2] if words[1] == "-m" else re.sub(r"\.(py|sh)$", "", words[1]).replace("/", ".")
    if name == "data_gen":
        (routes,) = (action for action in _build_parser()._actions if action.dest == "route")
        route = words[3] if len(words) > 3 else None
        assert route is None or route in routes.choices, route  # type: ignore[operator]
        return name, routes.choices[route] if route else _build_parser()  # type: ignore[index]
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    return name, module.parser() if hasattr(module, "parser") else None


def check_own(words: list[str]) -> None:
    """A command of this project names a module that there is, and only options of its parser."""
    name, parser = own_parser(words)
    if name == "scripts.train_distributed":  # a command of its own stands behind its options
        place = words.index("fairseq-train")
        check_fairseq(words[place:])
        words = words[:place]
    # What they do not know goes to fairseq-generate.
    drawn = name == "scripts.plot_attention" and {"--evolution", "--text"} & set(words)
    if name == "scripts.extract_attention" or drawn:
        assert parser is not None
        _, rest = parser.parse_known_args(words[2:])
        check_fairseq(["fairseq-generate", "DATA", *rest])
        return
    given = {word.split("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
    known = {option for action in parser._actions for option in action.option_strings} if parser else set()
    assert given <= known, (words, given - known)


def check_fairseq(words: list[str]) -> None:
    """A command of fairseq is taken by its own parser, as far as the page shows it (``...``)."""
    left_out = ["--arch", "gru_attention"] if words[-1] == "..." and "--arch" not in words else []
    words = [word for word in words if word != "..."] + left_out
    if "--user-dir" in words:  # the plugin is loaded already
        place = words.index("--user-dir")
        assert words[place + 1] in ("fairseq_plugin", "0"), words
        del words[place : place + 2]
    if words[0] == "fairseq-preprocess":  # its parser is complete without model and task
        _, unknown = options.get_preprocessing_parser().parse_known_args(words[1:])
    else:
        _, unknown = options.parse_args_and_arch(FAIRSEQ_PARSERS[words[0]](), words[1:], parse_known=True)
    assert unknown == [], words


def check_hydra(words: list[str]) -> None:
    """fairseq-hydra-train names a file of the plugin, and groups that fairseq has."""
    name = words[words.index("--config-name") + 1]
    assert (ROOT / "fairseq_plugin" / "config" / f"{name}.yaml").exists(), name
    groups = {field.name for field in fields(FairseqConfig)}
    settings = [word for word in words if "=" in word]
    assert settings
    assert {setting.lstrip("+").split(".")[0] for setting in settings} <= groups, words


@pages
def test_commands_name_what_exists(page: Path) -> None:
    for words in [*commands(page), *inline_commands(page)]:
        if words[0] == "fairseq-hydra-train":
            check_hydra(words)
        elif words[0] in (*FAIRSEQ_PARSERS, "fairseq-preprocess"):
            check_fairseq(words)
        elif words[0] == "python":
            check_own(words)
        elif words[0] == LAUNCHER and len(words) > 1:
            check_own(["bash", *words])
        else:
            assert (ROOT / words[0]).exists(), words


def test_commands_are_found() -> None:
    """The checks above look at something: each kind of command, in the pages that have it."""
    found = {" ".join(words[:3]) for page in PAGES for words in commands(page)}
    for start in (
        "python -m data_gen",
        "python -m scripts.gallery",
        "python scripts/extract_attention.py",
        "scripts/test.sh",
    ):
        assert any(words.startswith(start) for words in found), start
    assert {words.split()[0] for words in found} >= {*FAIRSEQ_PARSERS, "fairseq-hydra-train"}


@pytest.mark.parametrize(
    "line",
    [
        "python -m data_gen copy DATA --nonsense",
        "python scripts/plot_attention.py FILE --output PICTURE --nonsense 1",
        "python scripts/extract_attention.py DATA --path MODEL --output FILE --nonsense 1",
        "python -m scripts.gallery --nonsense",
        "bash scripts/train_distributed.sh --nonsense 2 fairseq-train DATA --task copy --arch gru_attention_copy",
        "bash scripts/train_distributed.sh fairseq-train DATA --task copy --arch gru_attention_copy --nonsense 2",
    ],
)
def test_an_option_that_is_not_there_is_noticed(line: str) -> None:
    with pytest.raises(AssertionError, match="--nonsense"):
        check_own(shlex.split(line))


def test_an_option_that_fairseq_does_not_have_is_noticed() -> None:
    with pytest.raises(AssertionError, match="--nonsense"):
        check_fairseq(["fairseq-train", "DATA", "--task", "copy", "--arch", "gru_attention_copy", "--nonsense", "1"])
