#!/usr/bin/env bash
# Check the plugin on a GPU and measure it there, in less than eight minutes: scripts/gpu_check.sh FOLDER [OPTIONS]
#
# An active environment in which torch and fairseq work is used as it is. Otherwise the environment of quickstart.sh is
# made and used: see environment.sh. `scripts/gpu_check.sh --help` lists the options.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

python3 -c 'import fairseq, pytest, hypothesis; fairseq.__version__' 2>/dev/null || prepare_environment runtime fairseq test
export PYTHONWARNINGS=ignore::UserWarning,ignore::FutureWarning,ignore::DeprecationWarning
exec python3 "$ROOT/scripts/gpu_check.py" "$@"
