"""Words of fairseq's commands that fairseq would answer with a traceback, or with its usage."""

import sys
from argparse import Namespace

import pytest
from fairseq import options

from fairseq_plugin.command_line import check_words, explain_wrong_words, warn_of_lost_sentences
from tests.support.errors import message_of

COMMON = {"seed": 1, "fp16": False, "amp": False, "log_interval": 100, "batch_size": 1, "max_tokens": None}
TRAINING = {**COMMON, "max_update": 0, "lr": [0.25]}
SEARCH = {"beam": 5, "nbest": 1, "sampling": False, "replace_unk": None}
DECODING = {**COMMON, **SEARCH, "path": "a.pt", "model_overrides": "{}", "dataset_impl": None}
INTERACTIVE = {**DECODING, "buffer_size": 0, "input": "-"}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({**TRAINING, "log_interval": 0}, "--log-interval must be at least 1, but is 0"),
        ({**TRAINING, "fp16": True, "amp": True}, "--fp16 and --amp exclude one another: leave one of them out"),
        ({**TRAINING, "batch_size": None}, "no batch size given: add --batch-size or --max-tokens"),
        ({**TRAINING, "batch_size": 0}, "--batch-size must be from 1 to 2147483647, but is 0"),
        ({**TRAINING, "lr": [0.5, -1.0]}, "--lr must be at least 0, but is -1"),
        ({**TRAINING, "seed": -1}, "--seed must be from 0 to 4000000000, but is -1"),
        ({**DECODING, "beam": 0}, "--beam must be at least 1, but is 0"),
        ({**DECODING, "sampling": True}, "--sampling needs --nbest equal to --beam 5, but --nbest is 1"),
        ({**DECODING, "replace_unk": "a"}, "--replace-unk needs text in the data folder: add --dataset-impl raw"),
        ({**INTERACTIVE, "input": "no/file"}, "--input 'no/file' is no file: name a file with one sentence a line"),
        ({**INTERACTIVE, "input": "."}, "--input '.' is no file: name a file with one sentence a line"),
        ({**INTERACTIVE, "batch_size": 2}, "--batch-size must be at most --buffer-size 0, but is 2"),
    ],
)
def test_words_that_do_not_suit_one_another(given: dict[str, object], line: str) -> None:
    assert message_of(check_words, Namespace(**given)) == line


@pytest.mark.parametrize(
    "given",
    [
        TRAINING,
        {**DECODING, "sampling": True, "nbest": 5},
        {**DECODING, "replace_unk": "a", "dataset_impl": "raw"},
        {**INTERACTIVE, "replace_unk": "a", "batch_size": 1},
    ],
)
def test_words_that_suit_one_another(given: dict[str, object]) -> None:
    check_words(Namespace(**given))


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({"task": "translation", "required_batch_size_multiple": 8}, True),
        ({"task": "translation", "required_batch_size_multiple": 1}, False),
        ({"task": "translation", "required_batch_size_multiple": 8, "buffer_size": 0}, False),
        ({"task": "copy", "required_batch_size_multiple": 8}, False),
    ],
)
def test_a_warning_that_sentences_may_be_left_out(
    given: dict[str, object], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_lost_sentences(Namespace(**given))
    line = (
        "fairseq leaves out the last batch of a split if its size is no multiple of 8: "
        "add --required-batch-size-multiple 1 to keep all sentences"
    )
    assert caplog.messages == [line] * warned


@pytest.mark.parametrize(
    ("purpose", "words", "line"),
    [
        (
            "generation",
            ["/bin/fairseq-generate", "data", "--beam", "x"],
            "fairseq-generate: error: argument --beam: invalid int value: 'x' (`fairseq-generate --help` lists the "
            "options)\n",
        ),
        (
            "training",
            ["/bin/fairseq-train", "data"],
            "fairseq-train: error: no architecture given: name one with --arch, such as gru_attention\n",
        ),
        (
            "training",
            ["/bin/fairseq-train", "data", "--arch", "gru_attention", "--fp16", "--bf16"],
            "fairseq-train: error: --fp16 and --bf16 exclude one another: leave one of them out\n",
        ),
    ],
)
def test_a_command_of_fairseq_refuses_in_one_line(
    purpose: str, words: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    explain_wrong_words()  # once more
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        options.parse_args_and_arch(getattr(options, f"get_{purpose}_parser")())
    assert stop.value.code == 2
    assert capsys.readouterr().err == line


def test_another_program_gets_what_fairseq_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/mine", "data", "--beam", "x"])
    with pytest.raises(SystemExit):
        options.parse_args_and_arch(options.get_generation_parser())
    assert capsys.readouterr().err.startswith("usage: ")
