"""The presets as tables: a change of one would make two benchmarks of the same name."""

import pytest

from data_gen.copy.spec import DEFAULT, PRESETS, CopySpec, find_preset
from tests.support.errors import message_of


def table(spec: CopySpec) -> tuple[object, ...]:
    sizes = (spec.train, spec.valid, spec.test)
    return (spec.transform, spec.num_symbols, (spec.min_len, spec.max_len), sizes, spec.test_lengths, spec.seed)


def test_they_are_what_they_are() -> None:
    assert {name: table(spec) for name, spec in PRESETS.items()} == {
        "reference": ("copy", 8, (3, 7), (2_000, 200, 200), (), 1),
        "t2t-40": ("copy", 10, (1, 40), (100_000, 10_000, 10_000), (50, 100, 200, 400), 1),
        "jelassi": ("copy", 26, (8, 50), (100_000, 1_000, 1_000), (40, 60, 80, 100, 150, 200), 1),
        "joeynmt-reverse": ("reverse", 50, (1, 25), (50_000, 1_000, 1_000), (30,), 42),
    }
    for spec in PRESETS.values():
        assert (spec.lengths, spec.symbols, spec.unique, spec.no_overlap) == ("uniform", "uniform", False, False)


def test_the_reference_is_the_default_specification() -> None:
    assert find_preset(DEFAULT) == CopySpec()


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        PRESETS["reference"] = CopySpec(seed=2)  # type: ignore[index]


def test_an_unknown_name_is_one_line() -> None:
    assert (
        message_of(find_preset, "t2t") == "--preset must be reference, t2t-40, jelassi or joeynmt-reverse, but is 't2t'"
    )
