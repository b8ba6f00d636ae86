"""The compiled steps of the recurrence: where they lie once built, and how they are built.

``python -m fairseq_plugin --build`` compiles ``recurrence.cpp`` against the installed torch, for this processor, into a
folder of the user. Nothing else compiles, and nothing needs what it builds: ``--recurrence auto`` takes it where it is.
"""

import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from data_gen.errors import FAILURE, UserError, failure_from_os_error

SOURCE = Path(__file__).parent / "recurrence.cpp"
NOT_BUILT = "not built: python -m fairseq_plugin --build"
STRICT = (
    *("-std=c++20", "-O3", "-funroll-loops", "-fPIC", "-shared"),
    *("-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd"),
)
OPTIONAL = (
    ("-march=native", "-mprefer-vector-width=512", "-fopenmp"),
    ("-march=native", "-fopenmp"),
    ("-mcpu=native", "-fopenmp"),
    ("-march=native",),
    (),
)
"""Flags for this processor and for several threads; the first that the compiler takes is used. With AVX512, compilers
prefer vectors of 256 bits. On an Intel Xeon (Cascade Lake), loops with tanh take 18 to 33 % less time with 512 bits."""


def folder() -> Path:
    """Where built libraries lie: ``fairseq-attention`` in the user's folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairseq-attention"


def library() -> Path:
    """The library of this source, torch, system, processor and flags; each has a name of its own."""
    made_of = (torch.__version__, platform.system(), platform.machine(), processor(), STRICT, OPTIONAL)
    key = hashlib.sha256(SOURCE.read_bytes() + repr(made_of).encode()).hexdigest()[:16]
    return folder() / f"recurrence-{key}.so"


def processor() -> str:
    """What the processor can do, as Linux words it; elsewhere its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())


@functools.cache
def missing() -> str | None:
    """Why the compiled steps cannot be used; None where they can. Loads them, once a process."""
    try:
        path = library()
        if not path.exists():
            return NOT_BUILT
        torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        return f"not loaded: {' '.join(str(error).split())}"
    return None


@functools.cache
def operations() -> Any:
    """What ``recurrence.cpp`` defines. Call it only where nothing is :func:`missing`."""
    assert missing() is None
    return torch.ops.fairseq_attention


def compiler() -> str | None:
    """The C++ compiler: what the variable CXX names, or the first of the usual names."""
    named = os.environ.get("CXX")
    return named or next(filter(shutil.which, ("c++", "g++", "clang++")), None)


def build() -> Path:
    """Compile, unless it is built already.

    :returns: the library.
    :raises UserError: there is no compiler, it fails, what it made cannot be loaded, or the folder cannot be written.
    """
    path = library()
    if path.exists():
        return path
    with_what = compiler()
    if with_what is None:
        raise UserError("no C++ compiler, so --recurrence native is not built; all else works without it", FAILURE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            built = Path(scratch) / path.name
            _compile(with_what, built)
            built.replace(path)
    except OSError as error:
        raise failure_from_os_error("build --recurrence native", error) from error
    return path


def _compile(with_what: str, built: Path) -> None:
    """Write the library: for this processor and for several threads if the compiler can."""
    root = Path(torch.__file__).parent
    places = [f"-I{root / 'include'}", f"-I{root / 'include' / 'torch' / 'csrc' / 'api' / 'include'}"]
    binary = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    libraries = [f"-L{root / 'lib'}", "-ltorch_cpu", "-lc10"]
    more = shlex.split(os.environ.get("CXXFLAGS", ""))
    said = ""
    for optional in OPTIONAL:
        command = [with_what, *more, *STRICT, *optional, binary, *places, str(SOURCE), "-o", str(built), *libraries]
        for step in (command, [sys.executable, "-c", f"import torch; torch.ops.load_library({str(built)!r})"]):
            done = subprocess.run(step, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines()
                said = next((line for line in lines if "rror" in line), "".join(lines[-1:]))
                break
        else:
            return
    raise UserError(f"{with_what} cannot compile {SOURCE.name}, so --recurrence native is not built: {said}", FAILURE)
