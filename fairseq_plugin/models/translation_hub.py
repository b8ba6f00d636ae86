"""A loaded model as Python uses it: text in, text out, and on request the attention between them."""

import logging
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from fairseq import utils
from fairseq.hub_utils import GeneratorHubInterface
from fairseq.tokenizer import tokenize_line
from omegaconf import open_dict
from torch import Tensor

from data_gen.errors import UserError, listed
from fairseq_plugin.analysis.ensemble import with_mean_attention
from fairseq_plugin.analysis.extraction import records_of_batch, right_padded
from fairseq_plugin.analysis.generation_options import check_generation
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.models.sentence_pieces import SentencePieces, add_sentence_pieces

logger = logging.getLogger(__name__)


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
            of the sentence in the list.
        :param kwargs: of the generator (``lenpen``, ``max_len_b``, ...); see fairseq.
        :returns: for one sentence its text (or ``Translation``), for a list a list of them.
        :raises UserError: what is given is no text, a sentence has no token, the model returns no attention, but it is
            asked for, or fairseq cannot decode with one of ``kwargs``.
        """
        if isinstance(sentences, str):
            return self.translate([sentences], beam, verbose, return_attention=return_attention, **kwargs)[0]
        sentences = texts(sentences)
        check_generation(Namespace(**{**kwargs, "beam": beam}))
        self._refuse_empty(sentences)
        unknown = sorted({token for sentence in sentences for token in self.unknown_tokens(sentence)})
        if unknown:
            names = listed([*map(repr, unknown)])
            logger.warning("not in the source dictionary, read as %s: %s", self.src_dict.unk_word, names)
        if not return_attention:
            return super().translate(sentences, beam, verbose, **kwargs)
        return self._with_attention([self.encode(sentence) for sentence in sentences], beam, **kwargs)

    def unknown_tokens(self, sentence: str) -> list[str]:
        """The tokens of a sentence of which the model reads only that they are unknown."""
        text = self.tokenize(sentence)
        unknown = self.bpe.unknown(text) if isinstance(self.bpe, SentencePieces) else []
        tokens = set(tokenize_line(self.apply_bpe(text))) - {self.src_dict.unk_word}
        return [*unknown, *(token for token in tokens if self.src_dict.index(token) == self.src_dict.unk())]

    def _refuse_empty(self, sentences: Sequence[str]) -> None:
        """The model would read the end of the sentence alone, and make something up.

        :raises UserError: naming the sentences without a token, counted from 0.
        """
        tokens = [tokenize_line(self.apply_bpe(self.tokenize(sentence))) for sentence in sentences]
        empty = [place for place, of_sentence in enumerate(tokens) if not of_sentence]
        if empty:
            raise UserError(
                f"{len(empty)} of {len(sentences)} sentences are empty: leave out number {listed(empty)} (from 0)"
            )

    def _with_attention(self, tokens: list[Tensor], beam: int, **kwargs: Any) -> list[Translation]:
        generation = deepcopy(self.cfg.generation)
        with open_dict(generation):
            generation.update({**kwargs, "beam": beam})
        generator = with_mean_attention(self.task.build_generator(self.models, generation))
        found: dict[int, Translation] = {}
        for sample in self._build_batches(tokens, False):
            batch = utils.apply_to_sample(lambda tensor: tensor.to(self.device), right_padded(sample, self.task))
            hypotheses = self.task.inference_step(generator, self.models, batch)
            for record, of_sentence in zip(records_of_batch(batch, hypotheses, self.task), hypotheses, strict=True):
                found[record.id] = Translation(self.decode(of_sentence[0]["tokens"]), record)
        return [found[place] for place in range(len(tokens))]


def texts(sentences: Any) -> list[str]:
    """Sentences as a list.

    :raises UserError: something among them is no text.
    """
    if not isinstance(sentences, Iterable) or isinstance(sentences, (bytes, Mapping)):
        raise UserError(f"translate takes a text or a list of texts, but got {sentences!r}")
    listed = list(sentences)
    for place, sentence in enumerate(listed):
        if not isinstance(sentence, str):
            raise UserError(f"translate takes texts, but sentence {place} (from 0) is {sentence!r}")
    return listed


def translation_hub(hub: GeneratorHubInterface, checkpoint_folder: str | None) -> TranslationHub:
    """fairseq's hub with all of the above.

    :param checkpoint_folder: where a sentencepiece model may lie as well as beside the data; None to look for none.
    :raises UserError: if the file that lies there is no model.
    """
    made = TranslationHub(hub.cfg, hub.task, list(hub.models))
    if checkpoint_folder is not None:
        add_sentence_pieces(made, checkpoint_folder)
    return made
