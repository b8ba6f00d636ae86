"""The recurrence of the decoder: attend with the previous state, then take one GRU step.

Each way to compute it is a function of the same signature, chosen by name with ``--recurrence``.
"""

from fairseq_plugin.modules.recurrence.interface import Memory, Recurrence, RecurrenceOutput
from fairseq_plugin.modules.recurrence.naive import naive_recurrence

RECURRENCE: dict[str, Recurrence] = {
    "naive": naive_recurrence,
}

__all__ = ["RECURRENCE", "Memory", "Recurrence", "RecurrenceOutput", "naive_recurrence"]
