"""GRU encoder-decoder with attention, and a copy task, for fairseq.

Importing this package registers everything: ``--user-dir`` imports it once, and fairseq itself would look into
``tasks/`` and ``models/`` only.
"""

from .preflight import check_fairseq, check_name  # relative: under any other name, the check says why it cannot be

check_name(__name__)
check_fairseq()

from fairseq_plugin.checkpoints.reading import explain_checkpoint_errors  # noqa: E402
from fairseq_plugin.checkpoints.safe_loading import allow_classes  # noqa: E402
from fairseq_plugin.checkpoints.writing import write_whole_checkpoints  # noqa: E402
from fairseq_plugin.command_line import explain_wrong_words  # noqa: E402
from fairseq_plugin.criterions import chunked_cross_entropy  # noqa: E402
from fairseq_plugin.models import architectures, gru_attention  # noqa: E402
from fairseq_plugin.models.gru_attention import load  # noqa: E402
from fairseq_plugin.optim import fused_adam  # noqa: E402
from fairseq_plugin.scoring import exact_match  # noqa: E402
from fairseq_plugin.tasks import copy_task  # noqa: E402
from fairseq_plugin.training import train  # noqa: E402
from fairseq_plugin.version import __version__  # noqa: E402

allow_classes()
explain_checkpoint_errors()
explain_wrong_words()
write_whole_checkpoints()

__all__ = [
    "__version__",
    "architectures",
    "chunked_cross_entropy",
    "copy_task",
    "exact_match",
    "fused_adam",
    "gru_attention",
    "load",
    "train",
]
