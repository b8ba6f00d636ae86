"""A loaded model as Python uses it: text in, text out, and on request the attention between them.

Source text is cut into pieces by the sentencepiece model that lies beside the data: ``python -m data_gen text`` puts
``sentencepiece.model`` or ``sentencepiece.LANG.model`` there. Target pieces of any model are joined in the same way.

:func:`check_paths` looks at the arguments of ``from_pretrained``, because fairseq does not say what it misses.
"""

import logging
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fairseq import utils
from fairseq.data import Dictionary
from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE, SentencepieceConfig
from fairseq.hub_utils import GeneratorHubInterface
from fairseq.tasks import FairseqTask
from fairseq.tokenizer import tokenize_line
from omegaconf import open_dict

from data_gen.errors import UserError, listed
from data_gen.text.pieces import kept_white_space, load_model, read_model
from fairseq_plugin.analysis.ensemble import with_mean_attention
from fairseq_plugin.analysis.extraction import quiet_batches, records_of_batch, right_padded
from fairseq_plugin.analysis.generation_options import check_generation
from fairseq_plugin.analysis.merging import SPACE
from fairseq_plugin.analysis.records import AttentionRecord

logger = logging.getLogger(__name__)

ADDRESS = "://"  # of something on the web, which fairseq fetches


def check_paths(folder: str, checkpoint_files: str, data: str) -> None:
    """Look for the folder or archive, the checkpoints in it, and the data.

    :param checkpoint_files: one name, or several with ':' between them.
    :param data: a folder; from a dot on it is meant from ``folder``.
    :raises UserError: naming what is not there.
    """
    if ADDRESS in folder:
        return
    path = Path(folder)
    if path.suffix == ".pt" and path.is_file():
        raise UserError(
            f"{folder!r} is a checkpoint: name its folder, {str(path.parent)!r}, and as second argument {path.name!r}"
        )
    if not path.exists():
        raise UserError(f"no folder {folder!r}: name the one that fairseq-train wrote checkpoints to (--save-dir)")
    for name in checkpoint_files.split(":") if path.is_dir() else ():
        if not (path / name).is_file():
            raise UserError(f"no checkpoint at {str(path / name)!r}: name one that fairseq-train wrote")
    if not data.startswith(".") and ADDRESS not in data and not Path(data).exists():
        raise UserError(f"no dataset folder at {data!r}: name the one that the model was trained with")


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

    def parts(self, x: str) -> list[str]:
        """The parts of a text that :meth:`encode` makes pieces of, as they are written."""
        parts: list[str] = self.sp.encode(x.translate(self.white_space), out_type=str)
        return parts

    def unknown(self, x: str) -> list[str]:
        """The parts of a text that have no piece, without sentencepiece's mark."""
        numbers = self.sp.encode(x.translate(self.white_space), out_type=int)
        pairs = zip(numbers, self.parts(x), strict=True)
        return [part.replace(SPACE, " ").strip() or part for number, part in pairs if self.sp.is_unknown(number)]


def find_model(folders: list[Path], language: str | None) -> Path | None:
    """The model for a language in the first folder that has one."""
    names = ["sentencepiece.model", *([f"sentencepiece.{language}.model"] if language else [])]
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def sentence_pieces(task: FairseqTask, checkpoint_folder: str | Path) -> SentencePieces | None:
    """The sentencepiece model that lies beside the data of a task or beside its checkpoint; None if there is none.

    :raises UserError: if the file that lies there is no model.
    """
    data = utils.split_paths(task.cfg.data)[:1] if task.cfg.data else []
    folders = [Path(folder) for folder in (*data, checkpoint_folder)]
    path = find_model(folders, getattr(task.cfg, "source_lang", None))
    return None if path is None else SentencePieces(path)


class Translation(NamedTuple):
    """The best hypothesis of a sentence: as text, and token by token with its attention."""

    text: str
    attention: AttentionRecord


class TranslationHub(GeneratorHubInterface):
    """fairseq's own, with attention, and with a warning of tokens that the model does not know."""

    def translate(
        self,
        sentences: Any,
        beam: int = 5,
        verbose: bool = False,
        *,
        return_attention: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Translate one sentence or a list of them; tokens that the source dictionary lacks are warned of.

        :param return_attention: give a :class:`Translation` for each sentence; the ``id`` of its record is the place
            of the sentence in the list, and its source shows an unknown token as it was typed.
        :param kwargs: of the generator (``lenpen``, ``max_len_b``, ...); see fairseq.
        :returns: for one sentence its text (or ``Translation``), for a list a list of them.
        :raises UserError: what is given is no text, a sentence has no token, the model returns no attention, but it is
            asked for, or fairseq cannot decode with one of ``kwargs``.
        """
        if isinstance(sentences, str):
            return self.translate([sentences], beam, verbose, return_attention=return_attention, **kwargs)[0]
        sentences = texts(sentences)
        check_generation(Namespace(**{**kwargs, "beam": beam}))
        refuse_empty([self.apply_bpe(self.tokenize(sentence)) for sentence in sentences])
        warn_of_unknown([self.tokenize(sentence) for sentence in sentences], self.bpe, self.src_dict)
        with quiet_batches():
            if not return_attention:
                return super().translate(sentences, beam, verbose, **kwargs)
            return self._with_attention(sentences, beam, **kwargs)

    def _with_attention(self, sentences: list[str], beam: int, **kwargs: Any) -> list[Translation]:
        generation = deepcopy(self.cfg.generation)
        with open_dict(generation):
            generation.update({**kwargs, "beam": beam})
        generator = with_mean_attention(self.task.build_generator(self.models, generation))
        found: dict[int, Translation] = {}
        for sample in self._build_batches([self.encode(sentence) for sentence in sentences], False):
            batch = utils.apply_to_sample(lambda tensor: tensor.to(self.device), right_padded(sample, self.task))
            hypotheses = self.task.inference_step(generator, self.models, batch)
            for record, of_sentence in zip(records_of_batch(batch, hypotheses, self.task), hypotheses, strict=True):
                typed = with_typed_tokens(record, self.tokenize(sentences[record.id]), self.bpe, self.src_dict)
                found[record.id] = Translation(self.decode(of_sentence[0]["tokens"]), typed)
        return [found[index] for index in range(len(sentences))]


def unknown_tokens(text: str, bpe: Any, dictionary: Dictionary) -> list[str]:
    """The tokens of a text that the dictionary lacks.

    :param bpe: cuts the text; None if the text is tokens already.
    """
    unknown = bpe.unknown(text) if isinstance(bpe, SentencePieces) else []
    tokens = set(tokenize_line(text if bpe is None else bpe.encode(text))) - {dictionary.unk_word}
    return [*unknown, *(token for token in tokens if dictionary.index(token) == dictionary.unk())]


def warn_of_unknown(texts: Sequence[str], bpe: Any, dictionary: Dictionary) -> None:
    """Warn in one line of the :func:`unknown_tokens` of all texts."""
    unknown = sorted({token for text in texts for token in unknown_tokens(text, bpe, dictionary)})
    if unknown:
        names = listed([*map(repr, unknown)])
        hint = "; spaces separate tokens" if bpe is None else ""
        logger.warning("not in the source dictionary, read as %s: %s%s", dictionary.unk_word, names, hint)


def with_typed_tokens(record: AttentionRecord, text: str, bpe: Any, dictionary: Dictionary) -> AttentionRecord:
    """A record of a text, with the text's own tokens in its source where the model read ``<unk>``.

    :param bpe: as for :func:`unknown_tokens`; of what fairseq's own cut, the record stays as it is.
    """
    if bpe is not None and not isinstance(bpe, SentencePieces):
        return record
    typed: list[str] = tokenize_line(text) if bpe is None else bpe.parts(text)
    pairs = zip(record.source, [*typed, *record.source[len(typed) :]], strict=True)  # the end symbol is the model's
    return replace(record, source=tuple(own if token == dictionary.unk_word else token for token, own in pairs))


def refuse_empty(encoded: Sequence[str]) -> None:
    """Refuse sentences without a token. The model would read the end of the sentence alone, and make something up.

    :param encoded: sentences as tokens with spaces between them.
    :raises UserError: naming the sentences, counted from 0.
    """
    empty = [index for index, sentence in enumerate(encoded) if not tokenize_line(sentence)]
    if empty and len(encoded) == 1:
        raise UserError("the sentence is empty: write at least one token")
    if empty:
        raise UserError(f"empty sentences, counted from 0: {listed(empty)}; leave them out")


def texts(sentences: Any) -> list[str]:
    """Sentences as a list.

    :raises UserError: something among them is no text.
    """
    if not isinstance(sentences, Iterable) or isinstance(sentences, (bytes, Mapping)):
        raise UserError(f"translate takes a text or a list of texts, but got {sentences!r}")
    listed = list(sentences)
    for index, sentence in enumerate(listed):
        if not isinstance(sentence, str):
            raise UserError(f"translate takes texts, but sentence {index}, counted from 0, is {sentence!r}")
    return listed


def translation_hub(hub: GeneratorHubInterface, checkpoint_folder: str | None) -> TranslationHub:
    """fairseq's hub with all of the above.

    :param checkpoint_folder: where a sentencepiece model may lie as well as beside the data; None to look for none.
    :raises UserError: if the file that lies there is no model.
    """
    made = TranslationHub(hub.cfg, hub.task, list(hub.models))
    if checkpoint_folder is not None:
        made.bpe = made.bpe or sentence_pieces(made.task, checkpoint_folder)
    return made
