"""From lines to ids: a batch of pairs at a time, on all cores, in the order of the files.

The models that encode are read or trained. They are put beside the data, with a list of their pieces.

sentencepiece lets go of Python's lock while it encodes, and a third of the time is spent under that lock. So threads
make encoding up to three times as fast, and no process has to be started. Only a few batches are under way at any
moment, whatever the size of the files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from data_gen.indexed import UNKNOWN, end_sequences
from data_gen.parallel import available_cores, ordered_map
from data_gen.progress import Report
from data_gen.text.corpus import VANISHED, Batch, LineNumbers, decode_lines, read_batches
from data_gen.text.pieces import (
    FewerPiecesError,
    PieceVocabulary,
    TrainingText,
    build_vocabulary,
    kept_white_space,
    load_model,
    read_model,
    too_large,
    train_model,
    vocabulary_text,
)
from data_gen.text.spec import TextSpec

MOST_THREADS: Final = 8  # more than these only wait for Python's lock, and each has a batch in memory


@dataclass
class EncodedSide:
    """One side of a batch.

    :param ids: (pieces + sequences,) with the end of each sequence.
    :param lengths: (sequences,) pieces in each.
    :param unknown: the line number of each piece that is ``<unk>``.
    :param faults: what is wrong with bad lines of this side, and their numbers.
    """

    ids: npt.NDArray[np.unsignedinteger]
    lengths: npt.NDArray[np.int64]
    unknown: list[int]
    faults: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class EncodedBatch:
    """A batch of pairs in ids, without the pairs that have a bad line; a copy has no target."""

    size: int
    lines: int
    source: EncodedSide
    target: EncodedSide | None


class Encoder:
    """Encodes lines with one model.

    :param processor: a ``sentencepiece.SentencePieceProcessor``.
    """

    def __init__(self, processor: Any, vocabulary: PieceVocabulary) -> None:
        self._processor = processor
        self._vocabulary = vocabulary
        self._white_space = kept_white_space(processor)

    @property
    def vocabulary(self) -> PieceVocabulary:
        """What the ids mean."""
        return self._vocabulary

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """Encode lines. :returns: the numbers of the pieces of each line, in the model."""
        for space in self._white_space:
            if any(space in line for line in lines):
                lines = [line.replace(space, " ") for line in lines]
        numbers: list[list[int]] = self._processor.encode(lines, out_type=int, num_threads=1)
        return numbers

    def side(self, numbers: list[list[int]], lines: list[int]) -> EncodedSide:
        """Lay sequences of pieces one after the other.

        :param lines: the line number of each sequence.
        """
        lengths = np.fromiter(map(len, numbers), dtype=np.int64, count=len(numbers))
        flat = np.fromiter(chain.from_iterable(numbers), dtype=np.int32, count=int(lengths.sum()))
        ids = self._vocabulary.ids[flat]
        positions = np.flatnonzero(ids == UNKNOWN)
        sequences = np.searchsorted(np.cumsum(lengths), positions, side="right")
        unknown = [lines[sequence] for sequence in sequences.tolist()]
        return EncodedSide(end_sequences(ids, lengths), lengths, unknown)


def encode_batch(batch: Batch, source: Encoder, target: Encoder | None) -> EncodedBatch:
    """Encode the good pairs of a batch, and say which lines are bad.

    :param target: None for a copy.
    """
    sides = [(source, batch.source)]
    if target is not None:
        assert batch.target is not None
        sides.append((target, batch.target))
    decoded = [decode_lines(raw) for _, raw in sides]
    bad = set().union(*(faults for _, faults in decoded))
    kept = [index for index in range(len(batch.source)) if index not in bad]
    numbers = [
        encoder.pieces([lines[index] for index in kept] if bad else lines)
        for (encoder, _), (lines, _) in zip(sides, decoded, strict=True)
    ]
    if not all(all(side) for side in numbers):  # a line without pieces
        for side, (_, faults) in zip(numbers, decoded, strict=True):
            faults.update({index: VANISHED for index, pieces in zip(kept, side, strict=True) if not pieces})
        whole = [index for index, pieces in enumerate(zip(*numbers, strict=True)) if all(pieces)]
        numbers = [[side[index] for index in whole] for side in numbers]
        kept = [kept[index] for index in whole]
    lines = [batch.first + index for index in kept]
    encoded = []
    for (encoder, _), side, (_, faults) in zip(sides, numbers, decoded, strict=True):
        encoded.append(encoder.side(side, lines))
        encoded[-1].faults = sorted(((kind, batch.first + index) for index, kind in faults.items()), key=lambda f: f[1])
    return EncodedBatch(batch.size, len(batch.source), encoded[0], encoded[1] if target is not None else None)


def encode_batches(batches: Iterable[Batch], source: Encoder, target: Encoder | None) -> Iterator[EncodedBatch]:
    """Encode batches on all cores.

    :param target: None for a copy.
    :returns: the encoded batches, in order.
    """
    return ordered_map(lambda batch: encode_batch(batch, source, target), batches, min(available_cores(), MOST_THREADS))


@dataclass
class Models:
    """How each side is encoded.

    :param source: for source lines.
    :param target: for target lines; the same object where there is one model.
    :param byte_pieces: True if a model falls back to bytes.
    :param not_trained_on: lines that sentencepiece left out of its training, by file.
    """

    source: Encoder
    target: Encoder
    byte_pieces: bool = False
    not_trained_on: dict[str, LineNumbers] = field(default_factory=dict)


def make_models(folder: Path, spec: TextSpec, files: tuple[Path, Path | None], progress: Report) -> Models:
    """Read or train the models and write them to ``folder``.

    :param files: the train files.
    :raises UserError: if a model cannot be read or trained, or has pieces that fairseq cannot hold.
    """
    not_trained_on: dict[str, LineNumbers] = {}
    made = []
    most: dict[str, int] = {}  # pieces, of texts that give too few: both sides are told at once
    given = (spec.source_model, spec.target_model)
    for side in (0,) if spec.one_model else (0, 1):
        language = spec.languages[side]
        path = given[side]
        if path is not None:
            content, name = read_model(path), f"'{path}'"
        else:
            sides = [each for each in ((0, 1) if spec.joined else (side,)) if files[each] is not None]
            name = " and ".join(f"'{files[each]}'" for each in sides)
            progress.doing(f"training sentencepiece on {' and '.join(spec.languages[each] for each in sides)}")
            texts = [TrainingText(_good_lines(files, each), spec.spm_options) for each in sides]
            try:
                content = train_model((line for text in texts for line in text), spec, name)
            except FewerPiecesError as fewer:
                most[name] = fewer.most
                continue
            for each, text in zip(sides, texts, strict=True):
                if text.left_out.count:
                    not_trained_on[str(files[each])] = text.left_out
        processor = load_model(content, name)
        stem = "sentencepiece" if spec.one_model else f"sentencepiece.{language}"
        (folder / f"{stem}.model").write_bytes(content)
        (folder / f"{stem}.vocab").write_bytes(vocabulary_text(processor).encode("utf-8"))
        made.append((Encoder(processor, build_vocabulary(processor, name)), _has_bytes(processor)))
    if most:
        raise too_large(spec.vocab_size, most)
    encoders = [encoder for encoder, _ in made]
    return Models(encoders[0], encoders[-1], any(has_bytes for _, has_bytes in made), not_trained_on)


def _good_lines(files: tuple[Path, Path | None], side: int) -> Iterator[tuple[int, str]]:
    """Number and text of the lines of one side, without bad pairs."""
    source, target = files
    for batch in read_batches(source, target):
        decoded = [decode_lines(raw) for raw in (batch.source, batch.target) if raw is not None]
        bad = set().union(*(faults for _, faults in decoded))
        for index, line in enumerate(decoded[side][0]):
            if index not in bad:
                yield batch.first + index, line


def _has_bytes(processor: Any) -> bool:
    return any(processor.is_byte(number) for number in range(processor.get_piece_size()))
