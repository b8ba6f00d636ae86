"""The named architectures: their options, and as many parameters as the paper's equations have."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import pytest
from omegaconf import OmegaConf

from fairseq_plugin.models import architectures
from fairseq_plugin.models.options import GRUAttentionConfig
from scripts import parameter_table
from scripts.common import replace_section
from tests.support.commands import PLUGIN, ROOT

PAPER = {
    "decoder_embed_dim": 620,
    "decoder_hidden_size": 1000,
    "dropout": 0.0,
    "encoder_embed_dim": 620,
    "encoder_hidden_size": 1000,
    "gru_cell": "paper",
    "init": "paper",
    "readout": "maxout",
    "readout_dim": 500,
    "readout_state": "previous",
    "attention_dim": 1000,
}
TENTH = {
    "decoder_embed_dim": 62,
    "decoder_hidden_size": 100,
    "encoder_embed_dim": 62,
    "encoder_hidden_size": 100,
    "readout_dim": 50,
    "attention_dim": 100,
}
SEARCH = {"decoder_init": "backward", "encoder_bidirectional": True}
ENCDEC = {"decoder_init": "tanh", "attention": "none"}
COPY = {
    "encoder_embed_dim": 32,
    "decoder_embed_dim": 32,
    "encoder_hidden_size": 64,
    "decoder_hidden_size": 64,
    "attention_dim": 64,
    "readout_dim": 64,
    "dropout": 0.0,
}
EXPECTED = {
    "gru_attention_copy": COPY,
    "rnnsearch": {**PAPER, **SEARCH},
    "rnnencdec": {**PAPER, **ENCDEC},
    "rnnsearch_small": {**PAPER, **SEARCH, **TENTH},
    "rnnencdec_small": {**PAPER, **ENCDEC, **TENTH},
}


def options_of(name: str, **chosen: Any) -> dict[str, Any]:
    """Every option after the architecture has had its say."""
    args = Namespace(**chosen)
    getattr(architectures, name)(args)
    return vars(args)


def defaults() -> dict[str, Any]:
    return {name: value for name, value in vars(GRUAttentionConfig()).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_architecture_sets_these_options_and_no_others(name: str) -> None:
    assert options_of(name) == {**defaults(), **EXPECTED[name]}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_architecture_keeps_what_the_user_chose(name: str) -> None:
    chosen = {"attention_dim": 3, "dropout": 0.5, "init": "glorot"}
    assert options_of(name, **chosen) == {**defaults(), **EXPECTED[name], **chosen}


class Lenient(Namespace):
    """Gives None for what is not there, as the configuration of an old checkpoint does with omegaconf 2.0."""

    def __getattr__(self, name: str) -> None:
        return None


def test_an_old_configuration_gets_the_options_that_it_lacks() -> None:
    args = Lenient(attention="dot")
    architectures.gru_attention_copy(args)
    assert (args.attention, args.attention_dim, args.float32_matmul_precision) == ("dot", 64, "highest")


def test_the_hydra_configuration_is_the_architecture() -> None:
    config = OmegaConf.load(PLUGIN / "config" / "rnnsearch.yaml")
    model = dict(config.model)
    assert model.pop("_name") == "gru_attention"
    assert {**defaults(), **model} == options_of("rnnsearch")
    without = {"attention": "none", "encoder_bidirectional": False, "decoder_init": "tanh"}  # as its comment says
    assert {**defaults(), **model, **without} == options_of("rnnencdec")


def paper_count(search: bool, m: int, n: int, l: int, symbols: int) -> dict[str, int]:  # noqa: E741
    """Numbers in the matrices of appendix A.2 and in the biases.

    :param m: size of a word vector.
    :param n: units of each direction, of the decoder and of the alignment model (n').
    :param l: maxout units.
    """
    directions = 2 if search else 1
    context = directions * n
    biases = 3 * n  # of a gated unit
    matrices = {
        "word vectors, both sides": [m * symbols, m * symbols],
        "encoder: W, U": directions * [3 * n * m, 3 * n * n, biases],
        "attention: W_a, U_a, v_a": [n * n, n * 2 * n, n] if search else [],
        "s_0: W_s": [n * n, n],
        "decoder: W, U, C": [3 * n * m, 3 * n * n, 3 * n * context, biases],
        "readout: U_o, V_o, C_o": [2 * l * n, 2 * l * m, 2 * l * context, 2 * l],
        "output: W_o": [symbols * l, symbols],
    }
    return {part: sum(numbers) for part, numbers in matrices.items()}


SIZES = {"": (620, 1000, 500), "_small": (62, 100, 50)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["rnnsearch", "rnnencdec"])
def test_parameters_are_those_of_the_equations(name: str, size: str) -> None:
    architecture: Callable[[Namespace], None] = getattr(architectures, name + size)
    assert parameter_table.counts(architecture) == paper_count(name == "rnnsearch", *SIZES[size], symbols=30_000)


def test_the_documented_table_is_the_counted_one() -> None:
    document = (ROOT / "docs" / "rnnsearch.md").read_text(encoding="utf-8")
    table = parameter_table.table()
    assert replace_section(document, parameter_table.SECTION, table) == document
    assert table.splitlines()[-1] == "| all | 80,442,000 | 68,578,000 | 5,533,200 | 5,414,200 |"


def test_the_table_is_written_where_its_markers_are(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- parameters:begin -->\nold\n<!-- parameters:end -->\nafter\n", encoding="utf-8")
    assert parameter_table.main(["--update", str(path)]) == 0
    table = parameter_table.table()
    assert path.read_text(encoding="utf-8") == (
        f"before\n<!-- parameters:begin -->\n{table}\n<!-- parameters:end -->\nafter\n"
    )
    assert capsys.readouterr().out == f"{table}\n"
