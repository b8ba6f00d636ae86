#!/usr/bin/env bash
# Every supported Python with its fairseq: scripts/compat.sh FOLDER [--only PAIR...] [--update README.md] [--clean]
# See scripts/compat/__main__.py, which this runs in the environment beside the checkout.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment runtime fairseq >&2
cd "$ROOT"
exec python -m scripts.compat "$@"
