"""Raw text in and out of a loaded model, with the sentencepiece model that lies beside its data.

``python -m data_gen text`` puts ``sentencepiece.model`` or ``sentencepiece.LANG.model`` there. Only source text is cut
into pieces; pieces of any model are joined in the same way.
"""

from pathlib import Path
from typing import Any

from fairseq import utils
from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE, SentencepieceConfig

from data_gen.text.pieces import kept_white_space, load_model, read_model


class SentencePieces(SentencepieceBPE):
    """fairseq's own, but it encodes what the data encodes: unknown text is ``<unk>``, whatever it looks like.

    :param path: of a ``.model`` file.
    :raises UserError: if it is no model or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        load_model(read_model(path), f"'{path}'")
        super().__init__(SentencepieceConfig(sentencepiece_model=str(path)))
        self.white_space = str.maketrans(dict.fromkeys(kept_white_space(self.sp), " "))

    def encode(self, x: str) -> str:
        """Pieces with spaces between them."""
        numbers = self.sp.encode(x.translate(self.white_space), out_type=int)
        return " ".join("<unk>" if self.sp.is_unknown(number) else self.sp.id_to_piece(number) for number in numbers)

    def unknown(self, x: str) -> list[str]:
        """The parts of a text that have no piece."""
        numbers, parts = (self.sp.encode(x.translate(self.white_space), out_type=kind) for kind in (int, str))
        return [part for number, part in zip(numbers, parts, strict=True) if self.sp.is_unknown(number)]


def find_model(folders: list[Path], language: str | None) -> Path | None:
    """The model for a language in the first folder that has one."""
    names = ["sentencepiece.model", *([f"sentencepiece.{language}.model"] if language else [])]
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def add_sentence_pieces(hub: Any, checkpoint_folder: str) -> None:
    """Let a loaded model take raw text, if a sentencepiece model lies beside its data or its checkpoint.

    :param hub: fairseq's ``GeneratorHubInterface``; one that has a ``bpe`` stays as it is.
    :raises UserError: if the file that lies there is no model.
    """
    if hub.bpe is not None:
        return
    data = utils.split_paths(hub.task.cfg.data)[:1] if hub.task.cfg.data else []
    folders = [Path(folder) for folder in (*data, checkpoint_folder)]
    path = find_model(folders, getattr(hub.task.cfg, "source_lang", None))
    if path is not None:
        hub.bpe = SentencePieces(path)
