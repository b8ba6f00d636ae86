"""The recurrence of the decoder: attend with the previous state, then take one GRU step; or the other way round.

``naive`` is the plain loop over the equations. The others compute the same faster: ``fused`` for the scores it knows,
``fixed`` for contexts that are the same at every step, ``batched`` for states that do not depend on the attention, all
with torch's cell, and ``hoisted`` with the paper's. ``native`` is ``fused`` with compiled steps, where they are built.
``auto`` takes one of these where it can.
"""

from torch import nn

from data_gen.errors import UserError
from fairseq_plugin import native
from fairseq_plugin.modules.attention import ATTENTION, Attention
from fairseq_plugin.modules.gru_units import PaperGRUCell
from fairseq_plugin.modules.recurrence import batched, fused, hoisted
from fairseq_plugin.modules.recurrence.batched import batched_recurrence, batched_steps, fixed_recurrence
from fairseq_plugin.modules.recurrence.compiled import native_recurrence, native_steps
from fairseq_plugin.modules.recurrence.fused import fused_recurrence
from fairseq_plugin.modules.recurrence.hoisted import hoisted_recurrence
from fairseq_plugin.modules.recurrence.interface import Memory, Past, Recurrence, RecurrenceOutput
from fairseq_plugin.modules.recurrence.naive import naive_recurrence
from fairseq_plugin.modules.recurrence.step import fused_steps, prepare_steps

RECURRENCE: dict[str, Recurrence] = {
    "naive": Recurrence(run=naive_recurrence, step=naive_recurrence, cells=(nn.GRUCell, PaperGRUCell)),
    "hoisted": Recurrence(
        run=hoisted_recurrence, step=naive_recurrence, supports=hoisted.supports, cells=(PaperGRUCell,)
    ),
    "fixed": Recurrence(run=fixed_recurrence, step=naive_recurrence, supports=batched.supports_fixed),
    "batched": Recurrence(run=batched_recurrence, step=batched_steps, supports=batched.supports_batched),
    "fused": Recurrence(run=fused_recurrence, step=fused_steps, prepare=prepare_steps, supports=fused.supports),
    "native": Recurrence(
        run=native_recurrence,
        step=native_steps,
        prepare=prepare_steps,
        supports=fused.supports,
        missing=native.missing,
    ),
}
AUTO = "auto"
PREFERRED = ("fixed", "batched", "native", "fused", "hoisted", "naive")


def choose_recurrence(name: str, attention: Attention, cell: type[nn.GRUCell] = nn.GRUCell) -> Recurrence:
    """The recurrence of that name; ``auto``: the fastest that knows this attention and this kind of cell.

    :raises UserError: there is none of that name, it does not know this attention or this kind of cell, or it is not
        there.
    """
    known = {way: made for way, made in RECURRENCE.items() if cell in made.cells}
    if name == AUTO:
        usable = (known[way] for way in PREFERRED if way in known and known[way].supports(attention))
        return next(way for way in usable if way.missing() is None)
    if name not in RECURRENCE:
        raise UserError(f"no --recurrence called {name!r}: choose one of {', '.join((AUTO, *RECURRENCE))}")
    if name not in known:
        other = "torch" if cell is PaperGRUCell else "paper"
        raise UserError(f"--recurrence {name} is for --gru-cell {other}: use --recurrence auto")
    if not known[name].supports(attention):
        names = {made: f"--attention {kind}" for kind, made in ATTENTION.items()}
        given = names.get(type(attention), type(attention).__name__)
        raise UserError(f"--recurrence {name} does not know {given}: use --recurrence auto")
    missing = known[name].missing()
    if missing is not None:
        raise UserError(f"--recurrence {name} is {missing}; or use --recurrence auto")
    return known[name]


__all__ = ["AUTO", "RECURRENCE", "Memory", "Past", "Recurrence", "RecurrenceOutput", "choose_recurrence"]
