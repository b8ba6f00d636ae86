"""translate: attention beside the text, and a warning of what the model does not know."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairseq_plugin.analysis.extraction import extract, generation_config, load
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.models.translation_hub import Translation
from tests.support.errors import message_of


@pytest.fixture(scope="module", params=[False, True], ids=["right", "left"])
def hub(copy_data: Path, trained: Path, request: pytest.FixtureRequest) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fairseq and hydra
        return GRUAttentionModel.from_pretrained(
            str(trained.parent), trained.name, str(copy_data), left_pad_source=request.param
        )


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fairseq's data loader
        yield


def test_attention_is_that_of_the_extraction(hub: Any, copy_data: Path, trained: Path) -> None:
    cfg = generation_config([str(copy_data), "--path", str(trained), "--num-workers", "0"])
    records = extract(load(cfg), cfg)
    sentences = (copy_data / "test.src").read_text(encoding="utf-8").splitlines()
    translations = hub.translate(sentences, beam=5, return_attention=True)
    assert [made.text for made in translations] == hub.translate(sentences, beam=5)
    for record, (_, made) in zip(records, translations, strict=True):
        assert (made.id, made.source, made.target) == (record.id, record.source, record.target)
        np.testing.assert_allclose(made.weights, record.weights, rtol=0, atol=1e-6)


def test_one_sentence(hub: Any) -> None:
    made = hub.translate("a b c", return_attention=True)
    assert isinstance(made, Translation)
    assert made.text == hub.translate("a b c") == " ".join(made.attention.target[:-1])
    assert made.attention.source == ("a", "b", "c", "</s>")
    assert made.attention.reference is None


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("", "the sentence is empty: write at least one token"),
        (["a", " \t", "b", ""], "empty sentences, counted from 0: 1, 3; leave them out"),
    ],
)
@pytest.mark.parametrize("return_attention", [False, True])
def test_empty_sentences_are_refused(hub: Any, sentences: Any, message: str, return_attention: bool) -> None:
    assert message_of(hub.translate, sentences, return_attention=return_attention) == message


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (5, "translate takes a text or a list of texts, but got 5"),
        (None, "translate takes a text or a list of texts, but got None"),
        (b"a b", "translate takes a text or a list of texts, but got b'a b'"),
        (["a", 5], "translate takes texts, but sentence 1, counted from 0, is 5"),
    ],
)
def test_what_is_no_text(hub: Any, sentences: Any, message: str) -> None:
    assert message_of(hub.translate, sentences) == message


def test_any_iterable_of_texts(hub: Any) -> None:
    assert hub.translate(letter for letter in "ab") == hub.translate(("a", "b")) == hub.translate(["a", "b"])


@pytest.mark.parametrize("return_attention", [False, True])
def test_numbers_that_fairseq_cannot_decode_with(hub: Any, return_attention: bool) -> None:
    assert message_of(hub.translate, "a b", temperature=0.0, return_attention=return_attention) == (
        "--temperature must be a number above 0, but is 0.0"
    )


def test_no_sentences(hub: Any) -> None:
    assert hub.translate([]) == []


def test_unknown_tokens_are_warned_of(hub: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        hub.translate(["a b", "<unk> b"])
        assert caplog.messages == []
        hub.translate(["a z b", "Ж z"])
        hub.translate(" ".join(f"z{number:02}" for number in range(12)))
    ten = ", ".join(f"'z{number:02}'" for number in range(10))
    assert caplog.messages == [
        "not in the source dictionary, read as <unk>: 'z', 'Ж'; spaces separate tokens",
        f"not in the source dictionary, read as <unk>: {ten} and 2 more; spaces separate tokens",
    ]
    assert message_of(hub.translate, ["a"] + [""] * 12) == (
        "empty sentences, counted from 0: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more; leave them out"
    )


def test_unknown_tokens_are_shown_as_typed(hub: Any) -> None:
    made = hub.translate(["a z b", "b Ж"], return_attention=True)
    assert [each.attention.source for each in made] == [("a", "z", "b", "</s>"), ("b", "Ж", "</s>")]
    assert [each.text for each in made] == hub.translate(["a z b", "b Ж"])


@pytest.mark.parametrize(
    ("folder", "checkpoint", "data", "message"),
    [
        (
            "{nowhere}",
            "model.pt",
            "{data}",
            "no folder '{nowhere}': name the one that fairseq-train wrote checkpoints to (--save-dir)",
        ),
        ("{here}", "model.pt", "{data}", "no checkpoint at '{here}/model.pt': name one that fairseq-train wrote"),
        (
            "{here}",
            "checkpoint_best.pt:model.pt",
            "{data}",
            "no checkpoint at '{here}/model.pt': name one that fairseq-train wrote",
        ),
        (
            "{here}",
            "checkpoint_best.pt",
            "{nowhere}",
            "no dataset folder at '{nowhere}': name the one that the model was trained with",
        ),
        (
            "{here}/checkpoint_best.pt",
            "model.pt",
            "{data}",
            "'{here}/checkpoint_best.pt' is a checkpoint: name its folder, '{here}', and as second argument "
            "'checkpoint_best.pt'",
        ),
    ],
)
def test_places_with_nothing(
    folder: str, checkpoint: str, data: str, message: str, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    names = {"nowhere": tmp_path / "nowhere", "here": trained.parent, "data": copy_data}
    assert message_of(
        GRUAttentionModel.from_pretrained, folder.format(**names), checkpoint, data.format(**names)
    ) == message.format(**names)


def test_places_can_be_paths(hub: Any, copy_data: Path, trained: Path) -> None:
    loaded = GRUAttentionModel.from_pretrained(trained.parent, trained.relative_to(trained.parent), copy_data)
    assert loaded.translate("a b c") == hub.translate("a b c")
    assert generation_config([copy_data, "--path", trained]) == generation_config(
        [str(copy_data), "--path", str(trained)]
    )
