"""Packaging. fairseq is an extra, never a requirement: a fork installed over upstream fairseq overwrites its files."""

import runpy
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def module(name: str) -> dict[str, Any]:
    """What a module of ``fairseq_plugin`` that imports nothing defines; the package itself needs fairseq."""
    return runpy.run_path(str(ROOT / "fairseq_plugin" / f"{name}.py"))


def fairseq_extra() -> list[str]:
    """The fork for each Python and platform, as :mod:`fairseq_plugin.preflight` recommends it."""
    preflight = module("preflight")
    return [
        f"{requirement}; {preflight[marker]}"
        for fork, marker in (("PREBUILT", "PREBUILT_MARKER"), ("FROM_SOURCE", "FROM_SOURCE_MARKER"))
        for requirement in preflight[fork]
    ]


def pins(purpose: str) -> list[str]:
    """The lines of ``requirements/<purpose>.txt`` without comments."""
    lines = (ROOT / "requirements" / f"{purpose}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


setup(
    name="fairseq-attention",
    version=module("version")["__version__"],
    description="GRU encoder-decoder with Bahdanau attention for fairseq, and a copy task to learn it on",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["fairseq_plugin", "fairseq_plugin.*", "data_gen", "data_gen.*"]),
    package_data={"fairseq_plugin": ["config/**/*.yaml", "analysis/viewer/page/*", "native/*.cpp"]},
    # Bounds that any working fairseq meets: installing this package must not move what fairseq already uses. An older
    # torch is the exception: it would run code that is hidden in a checkpoint (SECURITY.md).
    install_requires=["torch>=2.6", "numpy>=1.24", "sentencepiece>=0.2", "matplotlib>=3.7", "tqdm>=4.60"],
    extras_require={"fairseq": fairseq_extra(), "safetensors": ["safetensors>=0.4"], "test": pins("test")},
    entry_points={
        "console_scripts": [
            f"{program} = fairseq_plugin.commands.{name}:main"
            for program, name in module("commands/__init__")["PROGRAMS"].items()
        ]
    },
    zip_safe=False,
)
