"""The commands in the shell blocks of a page."""

import re
import shlex
from pathlib import Path

BLOCK = re.compile(r"^```bash\n(.*?)^```", flags=re.M | re.S)
PYTHON = re.compile(r"^```python\n(.*?)^```", flags=re.M | re.S)


def commands(page: Path) -> list[str]:
    """Each command of a page's blocks of bash, in order, as it stands there; comments alone are none."""
    return [command for block in BLOCK.findall(page.read_text(encoding="utf-8")) for command in split(block)]


def python_of(page: Path) -> str:
    """A command that runs a page's blocks of Python as one program."""
    blocks = PYTHON.findall(page.read_text(encoding="utf-8"))
    return "\n".join(["python - <<'PYTHON'", *blocks, "PYTHON"])


def split(script: str) -> list[str]:
    """The commands of a script: lines, put together while a line goes on or a quote is open."""
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if line.endswith("\\") or open_quote(pending):
            continue
        if shlex.split(pending, comments=True):
            found.append(pending.rstrip("\n"))
        pending = ""
    assert not pending, pending
    return found


def open_quote(script: str) -> bool:
    """Whether a quote goes on after the end."""
    try:
        shlex.split(script, comments=True)
    except ValueError:
        return True
    return False
