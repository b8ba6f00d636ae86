"""sentencepiece models, trained in a repeatable way or made before, and fairseq's dictionary of their pieces.

The number of threads is part of the result of a unigram training. So it is always the same, whatever the machine has.
Text is handed over line by line, so that no path gets into the model.

The dictionary has the pieces of a model one to one, in the model's order. fairseq's ``<unk>``, ``<s>``, ``</s>`` and
``<pad>`` come first, in place of the model's. sentencepiece puts its own first as well, so a fairseq id is the
sentencepiece id plus a constant. Nothing is added to reach a multiple of 8: ``--vocab-size`` says how many pieces there
are.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sentencepiece

from data_gen.errors import UserError, failure_from_os_error
from data_gen.indexed import SPECIAL_TOKENS, UNKNOWN, id_type
from data_gen.text.corpus import LineNumbers, choose_lines
from data_gen.text.spec import AUTO, VOCAB_SIZE, TextSpec

_THREADS: Final = 16
_GRACE: Final = 0.5  # seconds for a training to end after Ctrl-C
_LOOK: Final = 0.1  # seconds; a signal that comes just as Python begins to wait does not end the wait
_ERRORS_ONLY: Final = "2"
_RESERVED: Final = "\u2585"  # sentencepiece leaves out what contains it
_DEFAULT_MAX_BYTES: Final = "4192"
_CHOICE: Final = "input_sentence_size"
_REFUSALS: Final = (RuntimeError, ValueError, OSError, SyntaxError, SystemError)  # the last two by old versions
# What Python, and so fairseq, takes for white space, where it would end a token.
WHITE_SPACE: Final = tuple(chr(code) for code in range(0x3001) if chr(code).isspace())
_SPACES: Final = str.maketrans(dict.fromkeys(WHITE_SPACE, " "))


class TrainingText:
    """Lines for a training, with a note of lines that sentencepiece will not take.

    :param lines: numbers and lines.
    :param spm_options: of the training.
    """

    def __init__(self, lines: Iterable[tuple[int, str]], spm_options: Iterable[tuple[str, str]]) -> None:
        self._lines = lines
        limit = dict(spm_options).get("max_sentence_length", _DEFAULT_MAX_BYTES)
        self.max_bytes = int(limit) if limit.isdecimal() else 0  # sentencepiece itself refuses any other
        self.left_out = LineNumbers()

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            text = line.translate(_SPACES)
            if _RESERVED in text or len(text.encode("utf-8")) > self.max_bytes:
                self.left_out.add(number)
            yield text


class FewerPiecesError(Exception):
    """A text gives fewer pieces than are wanted.

    :param most: what it gives.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


def too_large(vocab_size: int | None, most: Mapping[str, int]) -> UserError:
    """The line for texts that give too few pieces.

    :param most: what each gives, by its name.
    """
    if len(most) == 1:
        ((name, pieces),) = most.items()
        return UserError(
            f"--vocab-size {vocab_size} is more than the text of {name} gives: choose {AUTO}, or at most {pieces}"
        )
    each = ", ".join(f"{name} gives {pieces}" for name, pieces in most.items())
    return UserError(
        f"--vocab-size {vocab_size} is more than either text gives: {each}; choose {AUTO}, or at "
        f"most {min(most.values())}"
    )


def train_model(text: Iterable[str], spec: TextSpec, name: str) -> bytes:
    """Train a model.

    :param name: of the text, for messages.
    :returns: the content of a ``.model`` file.
    :raises FewerPiecesError: if the text is too small for the vocabulary.
    :raises UserError: if sentencepiece refuses an option, or if the text has more characters than pieces are wanted.
    """
    options: dict[str, Any] = {"minloglevel": _ERRORS_ONLY, **dict(spec.spm_options)}
    if spec.vocab_size is None:
        options.setdefault("hard_vocab_limit", "false")
    if sentences := _sentences_to_choose(options.pop(_CHOICE, "0")):
        text = choose_lines(text, sentences, spec.seed)
    content = io.BytesIO()
    failures: list[BaseException] = []  # in reading, which sentencepiece would report as its own
    try:
        _train_in_a_thread(
            _noting_failures(text, failures),
            model_writer=content,
            vocab_size=spec.vocab_size or VOCAB_SIZE,
            model_type=spec.model_type,
            character_coverage=spec.character_coverage,
            num_threads=_THREADS,
            **options,
        )
    except _REFUSALS as error:
        if failures:
            raise failures[0] from None
        if found := re.search(r"too high \(\d+\).*<= (\d+)", str(error)):
            raise FewerPiecesError(int(found[1])) from error
        raise _explain(str(error), spec, name) from error
    return content.getvalue()


def _train_in_a_thread(text: Iterable[str], **options: Any) -> None:
    """Have sentencepiece train so that Ctrl-C and SIGTERM are heard meanwhile.

    Python deals with signals in the main thread, between two of its own instructions, and sentencepiece comes back to
    it only once the model is trained. A training that is given up ends at its next line, or goes on, when it has read
    them all, until the process ends.
    """
    outcome: Future[None] = Future()
    given_up = Event()

    def lines() -> Iterator[str]:
        for line in text:
            if given_up.is_set():
                raise RuntimeError("given up")
            yield line

    def work() -> None:
        try:
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines(), **options)
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while not wait([outcome], timeout=_LOOK).done:
            pass
        outcome.result()
    finally:
        given_up.set()
        thread.join(timeout=_GRACE)


def _noting_failures(text: Iterable[str], failures: list[BaseException]) -> Iterator[str]:
    try:
        yield from text
    except BaseException as failure:
        failures.append(failure)
        raise


def _sentences_to_choose(value: str) -> int:
    if not value.isdecimal():
        raise UserError(f"--spm-option {_CHOICE} must be a whole number, 0 for all sentences, but is {value!r}")
    return int(value)


def _explain(said: str, spec: TextSpec, name: str) -> UserError:
    """The line for what sentencepiece says."""
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", said):
        return UserError(
            f"--vocab-size {spec.vocab_size or VOCAB_SIZE} is too small for the characters of {name}: choose at least "
            f"{found[1]}, or a lower --character-coverage"
        )
    if found := re.search(r'unknown field name "([^"]*)"', said):
        return UserError(f"--spm-option {found[1]}: sentencepiece knows no such option (see `spm_train --help`)")
    reason = re.sub(r"^[A-Za-z_ ]+: (?:src/)?(?:\S+\(\d+\) )?", "", " ".join(said.split()))
    return UserError(f"sentencepiece cannot train a model of {name}: {reason.strip() or 'it does not say why'}")


def load_model(content: bytes, name: str) -> Any:
    """Open a model.

    :param content: of a ``.model`` file.
    :param name: for messages.
    :returns: a ``sentencepiece.SentencePieceProcessor``.
    :raises UserError: if it is no model.
    """
    processor = sentencepiece.SentencePieceProcessor()
    try:
        loaded = processor.load_from_serialized_proto(content)
    except _REFUSALS:
        loaded = False
    if not loaded:
        raise UserError(f"{name} is not a sentencepiece model: give a file that sentencepiece trained (.model)")
    return processor


def read_model(path: Path) -> bytes:
    """Read a model made before.

    :raises UserError: if the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise UserError(f"no sentencepiece model at '{path}': check the path") from error
        raise failure_from_os_error("read the model", error) from error


def vocabulary_text(processor: Any) -> str:
    """The content of the ``.vocab`` file that sentencepiece writes beside a model."""
    numbers = range(processor.get_piece_size())
    return "".join(f"{processor.id_to_piece(number)}\t{processor.get_score(number):g}\n" for number in numbers)


def kept_white_space(processor: Any) -> str:
    """White space, other than a space, that the model's normaliser lets through.

    Its pieces would fall apart in fairseq, which splits lines at all white space. With sentencepiece's own normaliser
    it is U+0085 alone.
    """
    return "".join(
        space
        for space in WHITE_SPACE
        if space != " " and any(space in piece for piece in processor.encode(f"a{space}b", out_type=str))
    )


_FAIRSEQ_SYMBOLS: Final = ("<s>", "<pad>", "</s>", "<unk>")
# Lets a line of dict.*.txt define a symbol that is there already.
_OVERWRITE: Final = " #fairseq:overwrite"


@dataclass(frozen=True)
class PieceVocabulary:
    """A dictionary and the way into it.

    :param pieces: in the order of their ids, which start at 4.
    :param ids: (pieces of the model,) the fairseq id of each piece of the model, in the type that ``.bin`` holds.
    """

    pieces: tuple[str, ...]
    ids: npt.NDArray[np.unsignedinteger]

    @property
    def size(self) -> int:
        """How many ids there are, special tokens included: ``len`` of the dictionary that fairseq loads."""
        return SPECIAL_TOKENS + len(self.pieces)

    def text(self, counts: npt.NDArray[np.int64]) -> str:
        """The content of ``dict.*.txt``.

        :param counts: (size,) how often each id occurs in train.
        """
        return "".join(
            f"{piece} {count}{_OVERWRITE * (piece in _FAIRSEQ_SYMBOLS)}\n"
            for piece, count in zip(self.pieces, counts[SPECIAL_TOKENS:].tolist(), strict=True)
        )


def build_vocabulary(processor: Any, name: str) -> PieceVocabulary:
    """Build the dictionary of a model.

    :param processor: a ``sentencepiece.SentencePieceProcessor``.
    :param name: of the model, for messages.
    :raises UserError: if a piece cannot stand in a line of a dictionary.
    """
    special = {processor.unk_id(), processor.bos_id(), processor.eos_id(), processor.pad_id()}
    numbers = [
        number
        for number in range(processor.get_piece_size())
        if not (number in special and (processor.is_control(number) or processor.is_unknown(number)))
    ]
    pieces = tuple(processor.id_to_piece(number) for number in numbers)
    for piece in pieces:
        if set(piece) & set(" \n\r"):
            raise UserError(
                f"the piece {piece!r} of {name} contains a space or a line end, which fairseq's dictionary cannot "
                "hold: give a model without such pieces"
            )
    ids = np.full(processor.get_piece_size(), UNKNOWN, dtype=id_type(SPECIAL_TOKENS + len(pieces)))
    ids[numbers] = np.arange(SPECIAL_TOKENS, SPECIAL_TOKENS + len(pieces))
    return PieceVocabulary(pieces, ids)
