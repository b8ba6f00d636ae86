#!/usr/bin/env bash
# Every check: style, types, tests. scripts/test.sh [PYTEST OPTIONS]; -m 'not slow' leaves the long tests out.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment runtime fairseq test
run cd "$ROOT"
run ruff check .
run ruff format --check .
run mypy
run pytest -n auto --dist loadfile "$@"
