"""The compiled recurrence: what only it can get wrong. That it equals the plain loop is tested with the other ways."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from data_gen.errors import UserError
from fairseq_plugin import native
from fairseq_plugin.__main__ import main
from fairseq_plugin.modules import products
from fairseq_plugin.modules.recurrence import RECURRENCE, Memory, choose_recurrence
from tests.support import building
from tests.support.commands import ROOT
from tests.unit.modules.test_recurrence import make, outputs_and_gradients, problem, run

MISSING = native.missing() or (None if building.ON_CPU else "for a CPU")
built = pytest.mark.skipif(MISSING is not None, reason=f"--recurrence native is {MISSING}")
large = pytest.mark.parametrize("large", [False, True], ids=["one call", "step by step"])
PRECISIONS = {torch.float32: 1e-7, torch.float64: 3e-16}


@pytest.fixture(autouse=True)
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "large" in request.fixturenames and request.getfixturevalue("large"):
        monkeypatch.setattr(products, "LARGE", 0)


@built
@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
def test_error_of_sigmoid_and_tanh(dtype: torch.dtype) -> None:
    """At most what recurrence.cpp states, from 0 to where they are flat; infinity and NaN as torch has them."""
    ends = torch.tensor([0.0, -0.0, 1e-30, 1e30, torch.inf, -torch.inf, torch.nan], dtype=torch.float64)
    x = torch.cat([torch.linspace(-60, 60, 400_001, dtype=torch.float64), ends]).to(dtype).unsqueeze(0)
    sides = torch.cat([torch.zeros_like(x), x, x, x], dim=1)  # g_n, r, z, n
    native.operations().unit(sides, torch.zeros_like(x), torch.empty_like(x))
    _, reset, update, candidate = sides.chunk(4, dim=1)
    exact = x.double()
    for got, expected in ((reset, exact.sigmoid()), (update, exact.sigmoid()), (candidate, exact.tanh())):
        torch.testing.assert_close(got.double(), expected, rtol=0.0, atol=PRECISIONS[dtype], equal_nan=True)


@built
@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
def test_weights_are_a_softmax_however_large_the_scores(dtype: torch.dtype) -> None:
    """Of scores 1000 apart: v . tanh(k) with one unit, v 1000 and k from -20 to 20."""
    keys = torch.linspace(-20, 20, 9, dtype=dtype).view(1, 9, 1)
    query, energy = torch.zeros(1, 1, dtype=dtype), torch.full((1,), 1000.0, dtype=dtype)
    weights, sums = torch.empty(1, 9, dtype=dtype), torch.empty(1, 1, dtype=dtype)
    native.operations().attend(query, keys, energy, keys, None, weights, sums)
    expected = (1000.0 * keys.double().tanh()).softmax(dim=1).squeeze(2)
    torch.testing.assert_close(weights.double(), expected, rtol=1e-4 if dtype == torch.float32 else 1e-12, atol=1e-30)
    torch.testing.assert_close(sums.double(), expected @ keys[0].double(), rtol=1e-4, atol=0.0)


@built
@large
def test_nothing_on_padding_is_read(large: bool) -> None:
    """NaN there reaches neither a number nor a gradient."""
    given = problem(lengths=[5, 0, 2])
    clean = given["values"].detach().masked_fill(given["mask"].unsqueeze(2), 0.0)
    expected = outputs_and_gradients("native", given | {"values": clean.requires_grad_()})

    attention, memory_keys = given["attention"], given["attention"].project_keys(clean).detach()
    poison = given["mask"].unsqueeze(2)
    keys, values = (part.detach().masked_fill(poison, torch.nan).requires_grad_() for part in (memory_keys, clean))
    out = RECURRENCE["native"].run(
        given["cell"], attention, given["inputs"], given["state"], Memory(keys, values, given["mask"])
    )
    for name, part in (("states", out.states), ("contexts", out.contexts), ("weights", out.weights)):
        torch.testing.assert_close(part, expected[name])
    read = [given["inputs"], given["state"], keys, values, *given["cell"].parameters()]
    for gradient in torch.autograd.grad(sum(map(torch.sum, (out.states, out.contexts, out.weights))), read):
        assert gradient.isfinite().all()


@pytest.fixture
def poisoned_memory() -> Iterator[None]:
    """Whatever torch hands out uninitialised is NaN."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@built
@large
@pytest.mark.usefixtures("poisoned_memory")
def test_no_number_is_read_before_it_is_written(large: bool) -> None:
    given = problem(lengths=[5, 0, 2])
    for value in outputs_and_gradients("native", given).values():
        assert value.isfinite().all()
    with torch.no_grad():
        for part in decode(given):
            assert part.isfinite().all()


def decode(given: dict[str, Any], rows: Tensor | None = None) -> list[Tensor]:
    cell, attention = given["cell"], given["attention"]
    memory = Memory(attention.project_keys(given["values"]), given["values"], given["mask"], rows)
    memory = RECURRENCE["native"].prepare(cell, attention, memory, True)
    out = RECURRENCE["native"].step(cell, attention, given["inputs"], given["state"], memory)
    return [part for part in out if part is not None]


def stretched(tensor: Tensor) -> Tensor:
    """The same numbers with no dimension dense."""
    wide = tensor.new_zeros(*(2 * size for size in reversed(tensor.shape)))
    view = wide[tuple(slice(None, None, 2) for _ in tensor.shape)].permute(*reversed(range(tensor.dim())))
    view.copy_(tensor.detach())
    assert tensor.numel() <= 1 or not view.is_contiguous()
    return view.requires_grad_(tensor.requires_grad)


@built
@large
@pytest.mark.parametrize("decoding", [False, True])
def test_any_strides(large: bool, decoding: bool) -> None:
    given = problem(lengths=[5, 1, 3])
    odd = given | {name: stretched(given[name]) for name in ("inputs", "state", "values", "mask")}
    if decoding:
        with torch.no_grad():
            for got, expected in zip(decode(odd), decode(given), strict=True):
                torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-14)
        return
    expected_of = outputs_and_gradients("native", given)
    for name, value in outputs_and_gradients("native", odd).items():
        torch.testing.assert_close(value, expected_of[name], rtol=1e-12, atol=1e-14)


@built
@large
def test_threads_share_the_rows_and_change_no_bit(large: bool) -> None:
    given = problem(batch=33, source=40, target=3, lengths=list(range(33, 0, -1)))
    alone = outputs_and_gradients("native", given)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        shared = outputs_and_gradients("native", given)
    finally:
        torch.set_num_threads(threads)
    for name in ("states", "contexts", "weights"):
        torch.testing.assert_close(shared[name], alone[name], rtol=1e-13, atol=1e-14)
    for name, value in shared.items():
        torch.testing.assert_close(value, alone[name], rtol=1e-10, atol=1e-12)


@built
@pytest.mark.parametrize("how", ["bfloat16", "autocast"])
def test_other_precisions_are_left_to_fused(how: str) -> None:
    given = problem()
    lower = torch.bfloat16 if how == "bfloat16" else torch.float32
    given |= {name: given[name].detach().to(lower) for name in ("inputs", "state", "values")}
    given |= {name: given[name].to(lower) for name in ("cell", "attention")}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
        for got, expected in zip(run("native", given), run("fused", given), strict=True):
            assert (got is None and expected is None) or torch.equal(got, expected)


@built
def test_a_sentence_that_is_not_there_is_refused() -> None:
    given = problem()
    with torch.no_grad(), pytest.raises(RuntimeError, match="there is no sentence 3"):
        decode(given, torch.tensor([0, 1, 3]))


def test_where_it_is_not_built_auto_goes_on_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECURRENCE, "native", RECURRENCE["native"]._replace(missing=lambda: native.NOT_BUILT))
    assert choose_recurrence("auto", make("additive")) is RECURRENCE["fused"]
    with pytest.raises(UserError) as error:
        choose_recurrence("native", make("additive"))
    assert str(error.value) == (
        "--recurrence native is not built: python -m fairseq_plugin --build; or use --recurrence auto"
    )


def test_the_library_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For each processor, torch and set of flags."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = native.library()
    assert first.parent == tmp_path / "fairseq-attention"
    monkeypatch.setattr(native, "processor", lambda: "another")
    second = native.library()
    monkeypatch.setattr(torch, "__version__", "9.9")
    third = native.library()
    monkeypatch.setattr(native, "OPTIONAL", ((),))
    assert len({first, second, third, native.library()}) == 4


@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        (None, "no C++ compiler, so --recurrence native is not built; all else works without it"),
        ("false", "false cannot compile recurrence.cpp, so --recurrence native is not built: "),
        ("no-such-compiler", "cannot build --recurrence native 'no-such-compiler': No such file or directory"),
    ],
)
def test_no_compiler_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str | None, said: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    if compiler is not None:
        monkeypatch.setenv("CXX", compiler)
    with pytest.raises(UserError) as error:
        native.build()
    assert str(error.value) == said
    assert error.value.exit_code in (1, 2)
    assert list(tmp_path.rglob("*.so")) == []


def test_a_damaged_library_is_missing_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.library().parent.mkdir()
    native.library().write_bytes(b"no library")
    native.missing.cache_clear()
    try:
        reason = native.missing()
        assert reason is not None
        assert reason.startswith("not loaded: ")
        assert "\n" not in reason
    finally:
        native.missing.cache_clear()


def info(warm: Path, **variables: str) -> dict[str, str]:
    command = [warm / "bin" / "python", "-m", "fairseq_plugin", "--info"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def test_info_says_what_is_active(warm: Path, tmp_path: Path) -> None:
    lines = info(warm, XDG_CACHE_HOME=str(tmp_path))
    assert lines["--recurrence native"] == native.NOT_BUILT
    assert lines["recurrence that auto takes for additive attention"] == "fused"
    assert lines["torch"].startswith(torch.__version__)
    assert lines["large products on a CPU"] in ("oneDNN", "torch.mm")
    assert lines["fast products in bf16"] in ("yes", "no")


@pytest.mark.skipif(native.missing() is not None, reason="it is not built")
def test_info_says_that_it_is_built(warm: Path) -> None:
    lines = info(warm)
    assert lines["--recurrence native"] == f"built: {native.library()}"
    assert lines["recurrence that auto takes for additive attention"] == "native"


@pytest.mark.slow
@pytest.mark.skipif(native.compiler() is None, reason="no C++ compiler")
def test_the_recurrence_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The name of a library has the hash of its source and flags: what is there and loads was compiled from these."""
    if native.missing() is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert native.build().stat().st_size > 0


@pytest.mark.slow
@pytest.mark.skipif(native.compiler() is None, reason="no C++ compiler")
def test_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a small source, which takes a twentieth of the time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "SOURCE", tmp_path / "small.cpp")
    monkeypatch.setattr(sys, "argv", ["fairseq_plugin", "--build"])
    native.SOURCE.write_text('extern "C" int small(int number) { return number + 1; }\n', encoding="utf-8")
    assert main() == 0
    (library,) = tmp_path.rglob("*.so")
    assert library == native.library()
    made = library.stat().st_mtime_ns
    assert main() == 0
    assert [path.stat().st_mtime_ns for path in library.parent.iterdir()] == [made]
    assert capsys.readouterr().out == f"--recurrence native is built: {library}\n" * 2
    assert ctypes.CDLL(str(library)).small(1) == 2
