"""What messages name of what there may be many of, and where the rest can be read."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import data_gen
from data_gen.errors import ArgumentParser, UserError, listed, refusal

TEN = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"


def test_a_message_names_ten_and_counts_the_others() -> None:
    assert listed([]) == ""
    assert listed([7]) == "7"
    assert listed(range(1, 11)) == TEN
    assert listed(range(1, 12)) == f"{TEN} and 1 more"
    assert listed(range(1, 127)) == f"{TEN} and 116 more"
    assert listed(range(1, 12), total=3_000_000) == f"{TEN} and 2999990 more"
    assert listed("abcdefghijkl", between=" ") == "a b c d e f g h i j and 2 more"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("gru_atention", "near to it: gru_attention, gru_attention_copy"),
        ("x", "choose from gru_attention, gru_attention_copy, 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"),
    ],
)
def test_a_wrong_choice_of_many_is_told_the_nearest(word: str, said: str) -> None:
    parser = ArgumentParser(prog="program")
    parser.add_argument("--arch", choices=["gru_attention", "gru_attention_copy", *"1234567890"])
    with pytest.raises(UserError) as caught:
        parser.parse_args(["--arch", word])
    assert str(caught.value) == (
        f"argument --arch: invalid choice: {word!r} ({said}) (`program --help` lists the options)"
    )


def test_the_log_has_all_of_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        listed(range(1, 11))
        assert caplog.messages == []
        listed(range(1, 13))
        listed(range(1, 12), total=20)
    assert caplog.messages == [f"12 of 12: {TEN}, 11, 12", f"11 of 20: {TEN}, 11"]
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


@pytest.mark.parametrize("level", ["DEBUG", "debug", "INFO", "nonsense", None])
def test_a_command_shows_the_log_if_it_is_asked_to(level: str | None, tmp_path: Path) -> None:
    (tmp_path / "train.en").write_bytes(b"good\n" + b"\n" * 12)
    environment = {name: value for name, value in os.environ.items() if name != "LOGLEVEL"}
    environment |= {"PYTHONPATH": str(Path(data_gen.__file__).parents[1])} | ({"LOGLEVEL": level} if level else {})
    words = ("-m", "data_gen", "text", "data", "--source-lang", "en", "--trainpref", "train")
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, env=environment)
    *log, line = done.stderr.splitlines()
    assert done.returncode == 2
    named = "12 empty (lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more)"
    assert line.startswith(f"data_gen: error: bad lines in 'train.en': {named}: ")
    everything = ["DEBUG:data_gen.errors:12 of 12: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13"]
    assert log == (everything if (level or "").upper() == "DEBUG" else [])


def test_a_closed_pipe_is_the_standard_output() -> None:
    assert str(refusal(BrokenPipeError(errno.EPIPE, "Broken pipe"))).endswith(" standard output: Broken pipe")
    assert str(refusal(OSError(errno.EPIPE, "Broken pipe", "x"))) == "cannot read or write 'x': Broken pipe"
