"""The end of a fairseq command on a user error, beside fairseq's thread that prepares batches."""

import sys
import time
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from fairseq.data.iterators import BackgroundConsumer

from data_gen.errors import UserError
from fairseq_plugin import program


@program.reports_user_errors
def fail() -> None:
    raise UserError("bad")


def batches(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.05)
        yield number


def prepared(queue: "Queue[Any]", monkeypatch: pytest.MonkeyPatch) -> BackgroundConsumer:
    monkeypatch.setattr(sys, "argv", ["/bin/fairseq-train"])
    thread = BackgroundConsumer(queue, batches(3), None, None)
    thread.daemon = True
    thread.start()
    return thread


def test_the_thread_has_come_to_its_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    thread = prepared(Queue(10), monkeypatch)
    with pytest.raises(SystemExit) as caught:
        fail()
    assert caught.value.code == 2
    assert not thread.is_alive()
    assert capsys.readouterr().err == "fairseq-train: error: bad\n"


def test_or_waits_at_its_full_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "FULL", 0.5)
    queue = Queue[Any](2)
    thread = prepared(queue, monkeypatch)
    with pytest.raises(SystemExit):
        fail()
    assert thread.is_alive()
    assert queue.full()
    while thread.is_alive():  # so that it does not outlive the test
        queue.get(timeout=5)
        thread.join(0.1)
