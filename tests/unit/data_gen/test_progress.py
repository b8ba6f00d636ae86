"""Progress off a terminal: a line now and then."""

import sys

import pytest

from data_gen.progress import progress_on_stderr


def test_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 29.9, 30.0, 30.0, 59.9, 61.0, 61.0])  # twice where a line is printed
    monkeypatch.setattr("data_gen.progress.time.monotonic", lambda: next(clock))
    with progress_on_stderr(200, "sequences") as progress:
        for _ in range(5):
            progress(30)
    assert capsys.readouterr() == ("", "90 of 200 sequences (45 %)\n150 of 200 sequences (75 %)\n")


def test_what_is_being_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_on_stderr(200, "bytes") as progress:
        progress.doing("training")
    assert capsys.readouterr() == ("", "training ...\n")


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_on_stderr(200, "sequences") as progress:
        progress.doing("writing")
        progress(200)
    shown = capsys.readouterr().err
    assert "0/200 [" in shown
    assert "writing: " in shown
