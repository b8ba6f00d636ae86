"""The recurrence of the decoder: attend with the previous state, then take one GRU step.

``naive`` is the plain loop over the equations; ``fused`` computes the same faster, for the scores it knows, and
``fixed`` for contexts that are the same at every step. ``auto`` takes one of these where it can. A compiled version
would be one more entry here.
"""

from data_gen.errors import UserError
from fairseq_plugin.modules.attention import Attention
from fairseq_plugin.modules.recurrence import fixed
from fairseq_plugin.modules.recurrence.fixed import fixed_recurrence
from fairseq_plugin.modules.recurrence.fused import fused_recurrence, supports
from fairseq_plugin.modules.recurrence.interface import Memory, Recurrence, RecurrenceOutput
from fairseq_plugin.modules.recurrence.naive import naive_recurrence
from fairseq_plugin.modules.recurrence.step import fused_steps, prepare_steps

RECURRENCE: dict[str, Recurrence] = {
    "naive": Recurrence(run=naive_recurrence, step=naive_recurrence),
    "fixed": Recurrence(run=fixed_recurrence, step=naive_recurrence, supports=fixed.supports),
    "fused": Recurrence(run=fused_recurrence, step=fused_steps, prepare=prepare_steps, supports=supports),
}
AUTO = "auto"
PREFERRED = ("fixed", "fused", "naive")


def choose_recurrence(name: str, attention: Attention) -> Recurrence:
    """The recurrence of that name; ``auto``: the fastest that knows this attention.

    :raises UserError: the named one does not know this attention.
    """
    if name == AUTO:
        return next(RECURRENCE[way] for way in PREFERRED if RECURRENCE[way].supports(attention))
    if not RECURRENCE[name].supports(attention):
        raise UserError(f"--recurrence {name} does not know {type(attention).__name__}: use --recurrence auto")
    return RECURRENCE[name]


__all__ = ["AUTO", "RECURRENCE", "Memory", "Recurrence", "RecurrenceOutput", "choose_recurrence"]
