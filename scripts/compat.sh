#!/usr/bin/env bash
# Every supported Python with its fairseq: scripts/compat.sh FOLDER [--only PAIR...] [--update README.md] [--clean]
# What it does is in scripts/compat.py, which needs Python 3.10 or later (PYTHON, otherwise python3) and no more.
set -euo pipefail
exec "${PYTHON:-python3}" "$(dirname "${BASH_SOURCE[0]}")/compat.py" "$@"
