"""Attention records as one HTML file that any browser opens without a network.

The page is ``page/page.html`` with its style, its script and the records put in. A Content-Security-Policy names
the hashes of that one style and that one script: nothing else can run, and nothing can be fetched or sent. The records
are a block of JSON, in which ``<``, ``>``, ``&`` and the line separators of JavaScript are escapes: no token can end
the block. The script shows tokens as text only, never as markup; of a token with something that cannot be seen the page
holds what :mod:`labels` makes of it.

Weights are kept as whole ten-thousandths (little-endian uint16, row by row, in base64): 0.12345 becomes 0.1235, and
what the page shows is at most 0.00005 away from the record.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data_gen.errors import UserError
from fairseq_plugin.analysis.labels import label, visible
from fairseq_plugin.analysis.measures import row_entropies
from fairseq_plugin.analysis.records import END, AttentionRecord, token_positions

STEPS = 10_000  # a weight of 1
ASSETS = Path(__file__).with_name("page")
SCRIPTS = ("shared.js", "list.js", "sentence.js", "matrix.js", "events.js")  # parts of one script
MARKS = ("{policy}", "{style}", "{data}", "{script}")  # in this order in page.html
ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def write_page(records: Iterable[AttentionRecord], name: str, total: int, stream: BinaryIO) -> None:
    """Write the page for some records; the same records give the same bytes.

    :param name: what the page calls the attention, e.g. the name of its file.
    :param total: how many records there are; the page says so if it does not hold them all.
    :raises UserError: a weight is not between 0 and 1.
    """
    page, style = _asset("page.html"), _asset("style.css")
    script = "".join(map(_asset, SCRIPTS))
    contents: tuple[Iterable[str], ...] = (
        (policy(style, script),),
        (style,),
        _data(records, name, total),
        (script,),
    )
    for mark, parts in zip(MARKS, contents, strict=True):
        before, _, page = page.partition(mark)
        for part in chain((before,), parts):
            stream.write(part.encode())
    stream.write(page.encode())


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy under which only this style and this script count, and no address is reached."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def row_of_page(record: AttentionRecord) -> dict[str, Any]:
    """What the page holds of a record, as JSON knows it.

    :raises UserError: a weight is not between 0 and 1.
    """
    return {
        "id": record.id,
        "rank": record.rank,
        "score": record.score,
        "source": record.source,
        "target": record.target,
        "reference": record.reference,
        "weights": base64.b64encode(_steps(record).astype("<u2").tobytes()).decode(),
        "entropy": mean_entropy(record),
        "exactness": None if record.reference is None else round(exactness(record.reference, record.target), 6),
    }


def mean_entropy(record: AttentionRecord) -> float | None:
    """Mean entropy in bits over the tokens, as :mod:`measures` defines and counts them; None if there is no such row.

    A row without any weight has no entropy, and is left out.
    """
    rows = record.weights[token_positions(record.target)]  # (tokens, S)
    rows = rows[rows.sum(axis=1) > 0]
    return round(float(row_entropies(rows).mean()), 6) if rows.size else None


def exactness(reference: tuple[str, ...], target: tuple[str, ...]) -> float:
    """Share of the reference's tokens, its end included, that stand at their own position in the hypothesis.

    It is 1 only where the two are equal, whether or not ``</s>`` is written out.
    """
    expected, got = ((*tokens, END) if tokens[-1:] != (END,) else tokens for tokens in (reference, target))
    same = sum(one == other for one, other in zip(expected, got, strict=False))
    return same / len(expected)


def _steps(record: AttentionRecord) -> np.ndarray:
    """(T, S) whole ten-thousandths."""
    steps = np.rint(record.weights.astype(np.float64) * STEPS)
    wrong = np.argwhere((steps < 0) | (steps > STEPS))
    if wrong.size:
        t, s = wrong[0]
        raise UserError(
            f"sentence {record.id}, rank {record.rank}: the weight {record.weights[t, s]:g} of target token {t} on"
            f" source token {s} is not between 0 and 1: give attention after its softmax"
        )
    return steps


def _data(records: Iterable[AttentionRecord], name: str, total: int) -> Iterator[str]:
    """The block of JSON, one record a line."""
    yield f'{{"name":{_json(visible(name))},"total":{total},"steps":{STEPS},"sentences":['
    between = "\n"
    tokens: set[str] = set()
    for record in records:
        tokens.update(record.source, record.target, record.reference or ())
        yield between + _json(row_of_page(record))
        between = ",\n"
    labels = ((token, label(token)) for token in sorted(tokens))
    yield '\n],"labels":' + _json([pair for pair in labels if pair[0] != pair[1]]) + "}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(ESCAPES)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The name of an inline script or style in a policy (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
