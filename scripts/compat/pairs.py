"""Which Pythons are tested with which fairseq and torch, and the requirements files of each pair."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.study_folder import write

PURPOSES = ("runtime", "fairseq", "test")


@dataclass(frozen=True)
class Pair:
    """An environment to test in.

    :param python: version of the interpreter, such as 3.11.
    :param fairseq: requirement in place of those in ``requirements/fairseq.txt``.
    :param versions: versions in place of those in ``requirements/runtime.txt``.
    :param style: whether style and types are checked too, which is the same in all environments.
    """

    name: str
    python: str
    fairseq: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    style: bool = False

    def requirements(self, folder: Path) -> dict[str, str]:
        """Content of the requirements file for each purpose.

        :param folder: with the files of the default versions.
        """
        texts = {purpose: (folder / f"{purpose}.txt").read_text(encoding="utf-8") for purpose in PURPOSES}
        if self.fairseq is not None:
            texts["fairseq"] = f"{self.fairseq}\n"
        if self.versions:
            kept = [line for line in texts["runtime"].splitlines() if line.partition("==")[0] not in self.versions]
            pins = [f"{name}=={version}" for name, version in self.versions.items()]
            texts["runtime"] = "\n".join([*kept, *pins]) + "\n"
        return texts

    def write_requirements(self, folder: Path, source: Path) -> None:
        """Write the requirements files into ``folder``, from those in ``source``."""
        folder.mkdir(parents=True, exist_ok=True)
        for purpose, text in self.requirements(source).items():
            write(folder / f"{purpose}.txt", text)


# The lower bounds of setup.py.
OLDEST = {"torch": "2.6.0", "numpy": "1.24.4", "sentencepiece": "0.2.0", "matplotlib": "3.7.0", "tqdm": "4.60.0"}
NEWEST = {"torch": "2.14.1"}

PAIRS = (
    # Its omegaconf needs pip before 24.1, which the venv of Python 3.10 has.
    Pair("py310-upstream", "3.10", fairseq="fairseq==0.12.2"),
    Pair("py310-fixed", "3.10"),
    Pair("py311-ve", "3.11", style=True),
    Pair("py312-ve", "3.12"),
    Pair("py313-fixed", "3.13"),
    Pair("py311-oldest", "3.11", versions=OLDEST),
    Pair("py311-newest", "3.11", versions=NEWEST),
)
