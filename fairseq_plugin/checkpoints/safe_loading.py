"""What a checkpoint may hold besides tensors and plain Python values.

torch refuses to unpickle any class that is not on its list (from 2.6 on, and preflight.py asks for no less).
Checkpoints of this plugin need nothing more than torch allows by itself; ``ALLOWED`` is for fairseq's own older
models, optimizers and schedules, and for the NumPy values in checkpoints that were written without the plugin or by its
version 1.0.0. Each entry is without side effects when it is made or called. Safe loading itself is never switched off.

When several processes resume a training, the first one reads the file, and fairseq sends it to the others by
``torch.save`` and ``torch.load``, its options as an object of omegaconf. For that alone there is
``ALLOWED_FROM_FIRST_RANK``, in the processes that receive it, which read no file.
"""

import argparse
from collections import defaultdict
from typing import Any, Final

import torch
from fairseq.distributed.utils import _TensorPlaceholder
from omegaconf import AnyNode, DictConfig, ListConfig
from omegaconf.base import ContainerMetadata, Metadata
from torch import distributed

from fairseq_plugin.checkpoints.numpy_values import STAND_INS

ALLOWED: Final[tuple[Any, ...]] = (
    argparse.Namespace,  # options of what has no dataclass in fairseq (lstm, transformer's named sizes, adagrad)
    *STAND_INS,  # under the names of NumPy's: make plain numbers, and lists of them
)

# The least that a resume needs: without any one of them, torch refuses what the first rank sends.
ALLOWED_FROM_FIRST_RANK: Final[tuple[Any, ...]] = (
    _TensorPlaceholder,  # stands for a tensor, sent after the rest: holds one number
    DictConfig,  # the options, by group
    ListConfig,  # options with several values, such as --lr
    AnyNode,  # one option: holds its value
    ContainerMetadata,  # of each group: types of keys and values
    Metadata,  # of each option: its type
    Any,  # the types that metadata name: these five; Any cannot be made at all
    dict,
    list,
    int,
    defaultdict,  # omegaconf's cache of resolved options, empty; may only make what is allowed itself
)


def allow_classes() -> None:
    """Put ``ALLOWED`` on torch's list."""
    torch.serialization.add_safe_globals(list(ALLOWED))


def allow_classes_from_first_rank() -> None:
    """Put ``ALLOWED_FROM_FIRST_RANK`` on torch's list, in a process of distributed training that is not the first.

    To be called after fairseq has joined the processes and before it loads a checkpoint: when task or model are made.
    """
    if distributed.is_available() and distributed.is_initialized() and distributed.get_rank() > 0:
        torch.serialization.add_safe_globals(list(ALLOWED_FROM_FIRST_RANK))
