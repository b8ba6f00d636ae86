#!/usr/bin/env bash
# fairseq-train in several processes: scripts/train_distributed.sh [--nproc-per-node N] [OPTIONS OF TORCHRUN] \
#   fairseq-train DATA [OPTIONS OF FAIRSEQ-TRAIN]
# In the environment that is active. What it does is in scripts/train_distributed.py.
set -euo pipefail
exec python "$(dirname "${BASH_SOURCE[0]}")/train_distributed.py" "$@"
