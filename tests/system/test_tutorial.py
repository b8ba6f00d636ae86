"""docs/tutorial.ipynb runs from start to end, and what it says holds.

Its outputs are kept in the file. With ``FAIRSEQ_ATTENTION_WRITE_TUTORIAL=1`` the test writes them again.
"""

import os
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tests.support.commands import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
WRITE = "FAIRSEQ_ATTENTION_WRITE_TUTORIAL"
PICTURE = "image/png"
# Run before the first cell.
SHORTCUTS = "import sys; sys.path.append('..'); from tests.support import shortcuts; shortcuts.take()"
CLAIMS = """
by_length = {name: dict(zip(lengths, values)) for name, values in by_length.items()}
assert all(by_length[name][length] > 0.8 for name in ("additive", "general") for length in range(2, 13, 2)), by_length
assert by_length["none"][2] > 0.9 and by_length["none"][10] < 0.1 and by_length["additive"][16] < 0.5, by_length
assert (panels[-1].weights[:7, :7].argmax(axis=1) == range(7)).all() and panels[-1].weights.shape == (8, 8)
assert panels[0].target != panels[-1].target == panels[-1].source
assert whole.target == whole.source == (*text.split(), "</s>")
"""


@pytest.fixture(scope="module")
def kept() -> Any:
    return nbformat.read(TUTORIAL, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: Any) -> set[str]:
    """What a cell shows: streams and kinds of data."""
    return {kind for each in cell.outputs for kind in each.get("data", [each.get("name", each.output_type)])}


def keep_last_lines(cell: Any) -> None:
    """Keep of a progress bar, which is written to standard error, what it says in the end."""
    bars = [output for output in cell.outputs if output.get("name") == "stderr"]
    for bar in bars[1:]:
        cell.outputs.remove(bar)
    if bars:
        bars[0].text = "".join(bar.text for bar in bars).rstrip("\n").rsplit("\r", 1)[-1] + "\n"


def test_its_cells_are_short_and_its_outputs_are_kept(kept: Any) -> None:
    assert [cell.source for cell in code(kept) if len(cell.source.splitlines()) > 12] == []
    assert sum(PICTURE in kinds(cell) for cell in code(kept)) == 6
    assert sum("\r" in str(output) for cell in code(kept) for output in cell.outputs) == 0
    assert TUTORIAL.stat().st_size < 500_000


def test_its_links_lead_somewhere(kept: Any) -> None:
    found = {link for cell in kept.cells for link in re.findall(r"\]\(([\w.-]+)\)", cell.source)}
    assert len(found) > 5
    assert [link for link in found if not (TUTORIAL.parent / link).exists()] == []


@pytest.mark.slow
def test_it_runs(kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = deepcopy(kept)
    made.cells.append(new_code_cell(CLAIMS))
    place = {"metadata": {"path": str(TUTORIAL.parent)}}
    quick = f"--IPKernelApp.exec_lines={SHORTCUTS}"
    NotebookClient(made, timeout=600, resources=place, record_timing=False, extra_arguments=[quick]).execute()
    made.cells.pop()
    for cell in code(made):
        keep_last_lines(cell)
    if os.environ.get(WRITE):
        nbformat.write(made, TUTORIAL)
    else:
        assert [kinds(cell) for cell in code(made)] == [kinds(cell) for cell in code(kept)]
