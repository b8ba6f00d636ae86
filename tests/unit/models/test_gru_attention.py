"""The model: options it refuses, size of the reference set-up, shared and pretrained embeddings, checkpoints."""

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from data_gen.errors import UserError
from fairseq_plugin.models.architectures import gru_attention_copy
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.models.options import GRUAttentionConfig
from fairseq_plugin.modules.attention import ATTENTION
from tests.support import building
from tests.support.errors import message_of

SIZES = (
    "encoder_embed_dim",
    "encoder_hidden_size",
    "encoder_layers",
    "decoder_embed_dim",
    "decoder_hidden_size",
    "decoder_layers",
    "attention_dim",
    "readout_dim",
)
CHOICES = ("dropout", "attention", "decoder_init", "readout", "readout_state", "gru_cell", "init")


def refusal(**options: object) -> str:
    with pytest.raises(UserError) as caught:
        building.model(**options)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("value", [0, -3])
@pytest.mark.parametrize("name", SIZES)
def test_sizes_below_one_are_refused(name: str, value: int) -> None:
    assert refusal(**{name: value}) == f"--{name.replace('_', '-')} must be at least 1, but is {value}"


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_out_of_bounds_is_refused(value: float) -> None:
    assert refusal(dropout=value) == f"--dropout must be at least 0 and below 1, but is {value}"


def test_every_part_is_given_the_dropout() -> None:
    made = building.model(readout="tanh", dropout=0.25)
    assert [part.dropout.p for part in (made.encoder, made.decoder, made.decoder.readout)] == [0.25] * 3


LAST = (
    "--decoder-init last needs encoder states of the decoder's size, but they have {} units and the decoder {}: use "
    "--decoder-init tanh, or make the sizes equal (a bidirectional encoder has twice --encoder-hidden-size units)"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder_hidden_size": 8}, LAST.format(6, 8)),
        ({"encoder_bidirectional": True}, LAST.format(12, 6)),
        (
            {"decoder_init": "backward"},
            "--decoder-init backward needs an encoder that reads in both directions: add --encoder-bidirectional, or "
            "use --decoder-init tanh",
        ),
        (
            {"readout_state": "previous"},
            "--readout-state previous needs a readout that sees the previous word as well: use --readout maxout or "
            "tanh",
        ),
        (
            {"readout": "maxout", "readout_state": "previous", "attention": "general"},
            "--readout-state previous is for attention that looks back with the previous state, but --attention "
            "general uses the new one: leave it out",
        ),
        (
            {"init": "paper", "attention": "normed"},
            "--init paper starts v at 0, but --attention normed divides by its length: use --init glorot or "
            "--attention additive",
        ),
        (
            {"input_feeding": True},
            "--input-feeding is for --attention dot, general, concat, but --attention is additive: leave it out",
        ),
        (
            {"attention": "dot", "sharpening": 2.0},
            "--sharpening is for --attention location, but --attention is dot: leave it out",
        ),
        (
            {"attention": "none", "location_kernel": 3},
            "--location-kernel is for --attention location, but --attention is none: leave it out",
        ),
        (
            {"share_all_embeddings": True, "decoder_embed_dim": 4},
            "--share-all-embeddings needs one embedding size, but --encoder-embed-dim is 5 and --decoder-embed-dim 4",
        ),
        (
            {"share_all_embeddings": True, "decoder_embed_path": "other.txt"},
            "--share-all-embeddings reads --encoder-embed-path alone, but --decoder-embed-path is 'other.txt': leave "
            "it out",
        ),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, dict) else "",
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    assert refusal(**options) == message


def test_dot_attention_of_another_size_is_refused() -> None:
    assert refusal(attention="dot", encoder_bidirectional=True, decoder_init="tanh").startswith(
        "--attention dot needs annotations of the decoder's size, but they have 12 units and the decoder 6: "
    )


@pytest.mark.parametrize(
    ("recurrence", "cell", "other"),
    [("fused", "paper", "torch"), ("fixed", "paper", "torch"), ("hoisted", "torch", "paper")],
)
def test_a_recurrence_of_the_other_unit_is_refused(recurrence: str, cell: str, other: str) -> None:
    assert refusal(recurrence=recurrence, gru_cell=cell) == (
        f"--recurrence {recurrence} is for --gru-cell {other}: use --recurrence auto"
    )


@pytest.mark.parametrize("target", ["abcdefg", "hgfedcba"], ids=["another size", "another order"])
def test_sharing_all_embeddings_needs_one_dictionary(target: str) -> None:
    task = SimpleNamespace(
        source_dictionary=building.dictionary("abcdefgh"), target_dictionary=building.dictionary(target)
    )
    options = Namespace(share_all_embeddings=True)
    gru_attention_copy(options)
    assert message_of(GRUAttentionModel.build_model, options, task) == (
        f"--share-all-embeddings needs one dictionary, but source (12 symbols) and target ({4 + len(target)} symbols) "
        "differ: make the data with a joined dictionary, as data_gen text --joined does"
    )


def test_defaults_of_the_model() -> None:
    config = GRUAttentionConfig()
    assert {name: getattr(config, name) for name in (*SIZES, *CHOICES)} == {
        "encoder_embed_dim": 256,
        "encoder_hidden_size": 512,
        "encoder_layers": 1,
        "decoder_embed_dim": 256,
        "decoder_hidden_size": 512,
        "decoder_layers": 1,
        "attention_dim": 512,
        "readout_dim": 512,
        "dropout": 0.1,
        "attention": "additive",
        "decoder_init": "last",
        "readout": "state",
        "readout_state": "current",
        "gru_cell": "torch",
        "init": "glorot",
    }


def test_number_of_parameters_of_the_copy_architecture() -> None:
    options = Namespace()
    gru_attention_copy(options)
    model = GRUAttentionModel.build_model(options, building.task())
    symbols, embed, hidden, attention = 12, 32, 64, 64
    embeddings = 2 * symbols * embed
    encoder = 3 * hidden * (embed + hidden) + 6 * hidden
    decoder = 3 * hidden * (embed + hidden + hidden) + 6 * hidden
    score = attention * hidden + attention * hidden + attention
    output = symbols * hidden + symbols
    expected = embeddings + encoder + decoder + score + output
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 59_724


# Numbers that each attention adds to a model without one (E 5, H 6, C 12, A 7; dot: C 6), and the GRU's share in them.
ATTENTION_PARAMETERS = {
    "additive": ({}, 7 * 12 + 7 * 6 + 7, 12),
    "normed": ({}, 7 * 12 + 7 * 6 + 7 + 7 + 1, 12),
    "location": ({"location_kernel": 3, "location_channels": 2}, 7 * 12 + 7 * 6 + 7 + 7 + 2 * 3 + 7 * 2, 12),
    "ntm": ({}, 7 * 12 + 7 * 6 + 7 + 5 * (6 + 1), 12),
    "shift": ({}, 7 * 12 + 7 * 6 + 7 + 5, 12),
    "dot": ({}, 6 * (6 + 6), 0),
    "general": ({}, 6 * 12 + 6 * (12 + 6), 0),
    "concat": ({"input_feeding": True}, 7 * 12 + 7 * 6 + 7 + 6 * (12 + 6), 6),
    "none": ({}, 0, 12),
}


@pytest.mark.parametrize("kind", ATTENTION)
def test_number_of_parameters_of_each_attention(kind: str) -> None:
    options, attention, fed = ATTENTION_PARAMETERS[kind]
    wide = {"encoder_bidirectional": kind != "dot", "decoder_init": "tanh"}
    decoder = building.model(attention=kind, **options, **wide).decoder
    assert sum(parameter.numel() for parameter in decoder.attention.parameters()) == attention
    assert decoder.cell.weight_ih.shape == (18, 5 + fed)


def test_names_of_parameters_that_checkpoints_hold() -> None:
    assert [name for name, _ in building.model().decoder.named_parameters()] == [
        "embed_tokens.weight",
        "attention.key_projection.weight",
        "attention.query_projection.weight",
        "attention.energy.weight",
        "cell.weight_ih",
        "cell.weight_hh",
        "cell.bias_ih",
        "cell.bias_hh",
        "output_projection.weight",
        "output_projection.bias",
    ]


def test_nothing_is_shared_unless_asked_for() -> None:
    model = building.model()
    assert model.decoder.embed_tokens is not model.encoder.embed_tokens
    assert model.decoder.output_projection is not None
    assert len({parameter.data_ptr() for parameter in model.parameters()}) == len(list(model.parameters()))


def output_of(model: GRUAttentionModel) -> torch.Tensor:
    return model.decoder.output_layer(torch.eye(model.decoder.initial_state.hidden_size))


def test_a_shared_output_matrix_is_the_target_embedding() -> None:
    model = building.model(share_decoder_input_output_embed=True, decoder_embed_dim=6)
    assert model.decoder.output_projection is None
    assert model.decoder.to_embedding is None
    assert model.encoder.embed_tokens is not model.decoder.embed_tokens
    torch.testing.assert_close(output_of(model), model.decoder.embed_tokens.weight.t())
    model.decoder.embed_tokens.weight.data.zero_()
    assert (output_of(model) == 0.0).all()


def test_all_embeddings_shared_are_one_matrix() -> None:
    model = building.model(share_all_embeddings=True)
    assert model.decoder.embed_tokens.weight.data_ptr() == model.encoder.embed_tokens.weight.data_ptr()
    model.encoder.embed_tokens.weight.data.zero_()
    assert (output_of(model) == 0.0).all()
    names = [name for name, _ in model.named_parameters() if "embed_tokens" in name]
    assert names == ["encoder.embed_tokens.weight"]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text("3 5\na 1 2 3 4 5\nc 0.5 0 -1 0 2\nelsewhere 9 9 9 9 9\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_pretrained_embeddings_are_read(vectors: Path, side: str) -> None:
    # building.model doubles every parameter
    model = building.model(**{f"{side}_embed_path": str(vectors)})
    fresh = building.model()
    weight = getattr(model, side).embed_tokens.weight / 2
    symbols = building.dictionary()
    assert weight[symbols.index("a")].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert weight[symbols.index("c")].tolist() == [0.5, 0.0, -1.0, 0.0, 2.0]
    torch.testing.assert_close(weight[symbols.index("b")], getattr(fresh, side).embed_tokens.weight[5] / 2)
    assert (weight[symbols.pad()] == 0.0).all()
    other = "decoder" if side == "encoder" else "encoder"
    assert not (getattr(model, other).embed_tokens.weight / 2)[symbols.index("a")].equal(weight[symbols.index("a")])


def test_pretrained_embeddings_without_a_first_line_and_with_spaces_in_symbols(tmp_path: Path) -> None:
    """As GloVe's: the first line is a vector, and one symbol is ". . ."."""
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2 3 4 5\n. . . 9 9 9 9 9\nc 0.5 0 -1 0 2 \n\n<pad> 9 9 9 9 9\n", encoding="utf-8")
    model, symbols = building.model(encoder_embed_path=str(path)), building.dictionary()
    weight = model.encoder.embed_tokens.weight / 2
    assert weight[symbols.index("a")].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert weight[symbols.index("c")].tolist() == [0.5, 0.0, -1.0, 0.0, 2.0]
    assert (weight[symbols.pad()] == 0.0).all()


def test_it_is_told_how_many_symbols_have_a_vector(vectors: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        building.model(encoder_embed_path=str(vectors))
    own = len(building.dictionary()) - 4
    assert f"2 of {own} symbols have a vector in '{vectors}'" in caplog.messages


@pytest.mark.parametrize(
    "content", ["", "1 5\nelsewhere 9 9 9 9 9\n", "</s> 9 9 9 9 9\n"], ids=["empty", "other", "special"]
)
def test_pretrained_embeddings_of_nothing_in_the_data(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    own = len(building.dictionary()) - 4
    assert refusal(encoder_embed_path=str(path)) == (
        f"'{path}' has a vector for none of the {own} symbols: it must be of words as in the data"
    )


@pytest.mark.parametrize(("size", "line"), [(4, ""), (4, "elsewhere 9 9 9 9\n"), (6, "elsewhere 9 9 9 9 9 9\n")])
def test_pretrained_embeddings_of_another_size(vectors: Path, size: int, line: str) -> None:
    vectors.write_text(line + vectors.read_text(encoding="utf-8").removeprefix("3 5\n"), encoding="utf-8")
    assert refusal(encoder_embed_path=str(vectors), encoder_embed_dim=size) == (
        f"the vector of 'a' in '{vectors}' has 5 numbers, but the embedding size is {size}"
    )


def test_pretrained_embeddings_that_are_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "none.txt")
    assert refusal(decoder_embed_path=path) == f"no file of pretrained embeddings at {path!r}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1 5\na one two three four five\n", "could not convert string to float: 'one'"),
        (b"\xff\xfe\x00\x01\n\x80", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
    ids=["words", "bytes"],
)
def test_pretrained_embeddings_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    assert refusal(encoder_embed_path=str(path)) == (
        f"'{path}' is no text file of embeddings (lines of 'symbol v_1 .. v_E'): {said}"
    )


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_frozen_embeddings_are_not_trained(side: str) -> None:
    model = building.model(**{f"{side}_freeze_embed": True}).train()
    logits, _ = model(**building.batch([3, 5]))
    logits.square().sum().backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert without == {f"{side}.embed_tokens.weight"}


def test_a_checkpoint_is_loaded() -> None:
    model, other = building.model(seed=1), building.model(seed=2)
    other.load_state_dict(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_what_is_loaded_stays_as_it_is() -> None:
    """Version 1.0.0 had no ``from_first``: it is added to a copy."""
    options = {"attention": "none", "encoder_bidirectional": True, "encoder_hidden_size": 3}
    parameters = building.model(**options).state_dict()
    del parameters["decoder.attention.from_first"]
    before = list(parameters)
    building.model(seed=1, **options).load_state_dict(parameters)
    assert list(parameters) == before


def test_a_checkpoint_with_other_symbols_is_refused() -> None:
    model = building.model()
    for side in ("encoder", "decoder"):
        state = model.state_dict()
        name = f"{side}.embed_tokens.weight"
        state[name] = state[name][:9]
        assert message_of(model.load_state_dict, state) == (
            f"the checkpoint knows 9 {'source' if side == 'encoder' else 'target'} symbols, but the dictionary has 12: "
            "use the data folder (dict.*.txt) that the checkpoint was trained with"
        )


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"encoder_embed_dim": 6}, ("encoder.embed_tokens.weight", "(12, 6)", "(12, 5)")),
        ({"attention_dim": 9}, ("decoder.attention.key_projection.weight", "(9, 6)", "(7, 6)")),
    ],
    ids=["embedding", "attention"],
)
def test_a_checkpoint_of_other_sizes_is_refused(options: dict, sizes: tuple[str, str, str]) -> None:
    with pytest.raises(UserError) as caught:
        building.model().load_state_dict(building.model(**options).state_dict())
    name, theirs, ours = sizes
    assert str(caught.value) == (
        f"parameter {name} is {theirs} in the checkpoint, but {ours} in the model: use the options that the checkpoint "
        "was trained with"
    )


def test_missing_parameters_are_told_by_torch() -> None:
    model = building.model()
    state = model.state_dict()
    del state["decoder.cell.weight_ih"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "decoder.cell.weight_ih"'):
        model.load_state_dict(state)
