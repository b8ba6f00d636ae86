"""The models of a dataset: read or trained, and put beside the data with a list of their pieces."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_gen.progress import Report
from data_gen.text.encoding import Encoder
from data_gen.text.pieces import TrainingText, load_model, read_model, train_model, vocabulary_text
from data_gen.text.reading import LineNumbers, decode_lines, read_batches
from data_gen.text.spec import TextSpec
from data_gen.text.vocabulary import build_vocabulary


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
    given = (spec.source_model, spec.target_model)
    for side in (0,) if spec.one_model else (0, 1):
        language = spec.languages[side]
        path = given[side]
        if path is not None:
            content, name = read_model(path), f"'{path}'"
        else:
            sides = [place for place in ((0, 1) if spec.joined else (side,)) if files[place] is not None]
            name = " and ".join(f"'{files[place]}'" for place in sides)
            progress.doing(f"training sentencepiece on {' and '.join(spec.languages[place] for place in sides)}")
            texts = [TrainingText(_good_lines(files, place), spec.spm_options) for place in sides]
            content = train_model((line for text in texts for line in text), spec, name)
            for place, text in zip(sides, texts, strict=True):
                if text.left_out.count:
                    not_trained_on[str(files[place])] = text.left_out
        processor = load_model(content, name)
        stem = "sentencepiece" if spec.one_model else f"sentencepiece.{language}"
        (folder / f"{stem}.model").write_bytes(content)
        (folder / f"{stem}.vocab").write_bytes(vocabulary_text(processor).encode("utf-8"))
        made.append((Encoder(processor, build_vocabulary(processor, name)), _has_bytes(processor)))
    encoders = [encoder for encoder, _ in made]
    return Models(encoders[0], encoders[-1], any(has_bytes for _, has_bytes in made), not_trained_on)


def _good_lines(files: tuple[Path, Path | None], side: int) -> Iterator[tuple[int, str]]:
    """Number and text of the lines of one side whose pairs are good."""
    source, target = files
    for batch in read_batches(source, target):
        decoded = [decode_lines(raw) for raw in (batch.source, batch.target) if raw is not None]
        bad = set().union(*(faults for _, faults in decoded))
        for place, line in enumerate(decoded[side][0]):
            if place not in bad:
                yield batch.first + place, line


def _has_bytes(processor: Any) -> bool:
    return any(processor.is_byte(number) for number in range(processor.get_piece_size()))
