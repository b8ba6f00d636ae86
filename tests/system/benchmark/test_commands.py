"""Commands of fairseq as forks of one process, which is how the benchmark runs them for a GPU."""

from pathlib import Path

import pytest

from data_gen.errors import UserError
from scripts.benchmark.commands import said_by
from scripts.benchmark.measurement import Circumstances

STATE = """
import sys, torch
print(sys.argv[1:], __name__, torch.get_num_threads(), torch.get_float32_matmul_precision())
"""


def test_a_fork_has_the_words_the_threads_and_the_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "tell_state.py").write_text(STATE, encoding="utf-8")
    circumstances = Circumstances(2, tmp_path, "cuda")
    text = "['--all'] __main__ 2 {}\n"
    assert said_by(["tell_state", "--all"], circumstances, "high") == text.format("high")
    assert said_by(["tell_state", "--all"], circumstances, "fp16") == text.format("highest")
    assert said_by(["fairseq_cli.generate", "--help"], circumstances).startswith("usage: ")
    with pytest.raises(UserError, match=r"fairseq_cli.train ended with exit code 2; it said: fairseq-train: error: "):
        said_by(["fairseq_cli.train", "--nosuch"], circumstances)
