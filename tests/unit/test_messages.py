"""Every message of an error is asserted word for word, and in one test file; elsewhere a short key is enough."""

import textwrap
from functools import cache
from pathlib import Path

from tests.support.commands import ROOT
from tests.support.messages import Found, census

# Fewer letters are no phrase of its own ("must be from 1 to 9, but is 0"): each option has its test.
PHRASE = 26


def unasserted(found: list[Found]) -> list[str]:
    """Messages that fewer texts assert than places say."""
    return [
        f"{place.file}:{place.line} {' .. '.join(place.parts)}"
        for each in found
        if sum(map(len, each.asserted.values())) < len(each.said)
        for place in each.said
    ]


def repeated(found: list[Found]) -> list[str]:
    """Messages that more test files assert than places say."""
    lines = []
    for each in found:
        (first, *_), letters = each.said, sum(map(str.isalpha, "".join(each.said[0].parts)))
        files = [f"{file}:{text[0].line}" for file, text in each.asserted.items()]
        if letters >= PHRASE and len(files) > len(each.said):
            lines.append(f"{first.file}:{first.line} {' .. '.join(first.parts)}: {', '.join(files)}")
    return lines


@cache
def of_the_product() -> list[Found]:
    return census(ROOT)


def test_every_message_is_asserted() -> None:
    lines = unasserted(of_the_product())
    assert not lines, "no test has all words of\n" + "\n".join(lines)


def test_no_message_is_asserted_in_two_files() -> None:
    lines = repeated(of_the_product())
    assert not lines, "shorten to a key in all files but one:\n" + "\n".join(lines)


def test_all_messages_are_found() -> None:
    assert len(of_the_product()) > 300


def project(root: Path, **files: str) -> list[Found]:
    """The census of a project of these files."""
    for name, code in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding="utf-8")
    return census(root)


CODE = """
    ADVICE = "name another"

    def check(path, size):
        if size < 1:
            raise UserError(f"{size} is less than the least size")
        raise UserError(f"there is no such folder {path!r}: {ADVICE}")

    def refuse(name, wanted) -> UserError:
        return UserError(f"the entry {name} must be {wanted}")

    def other(error):
        raise refuse("colour", "red or blue")
        raise UserError(f"line 1: {error}")
"""


def test_what_no_test_says_is_found(tmp_path: Path) -> None:
    tests = '''
        """0 is less than the least size"""  # no assertion
        KEY = "the entry colour must be red [..]"
        HALF = "there is no such folder 'x'"
    '''
    assert unasserted(project(tmp_path, data_gen__x=CODE, tests__test_x=tests)) == [
        "data_gen/x.py:6 is less than the least size",
        "data_gen/x.py:7 there is no such folder .. name another",
        "data_gen/x.py:10 the entry .. must be",
        "data_gen/x.py:13 the entry colour must be red or blue",
    ]


def test_what_is_said_in_any_way_counts(tmp_path: Path) -> None:
    tests = r"""
        MINE = "no such folder"

        def test(tmp_path):
            assert said == f"there is {MINE} '{tmp_path}': name" + " another"
            assert f"{0} is less than the least size" == said
            match(r"^the entry colour must be red\ or blue$")
            match("the entry x must be y")
    """
    assert unasserted(project(tmp_path, data_gen__x=CODE, tests__test_x=tests)) == []


def test_what_two_files_say_is_found(tmp_path: Path) -> None:
    tests = {
        "tests__test_x": 'X = "the entry colour must be red or blue", "0 is less than the least size"',
        "tests__test_y": 'X = "the entry colour must be red or blue", "0 is less than the least size [..]"',
    }
    assert repeated(project(tmp_path, data_gen__x=CODE, **tests)) == [
        "data_gen/x.py:13 the entry colour must be red or blue: tests/test_x.py:1, tests/test_y.py:1"
    ]
