#!/usr/bin/env bash
# Every check of the code: style, types, tests. scripts/test.sh [PYTEST OPTIONS]
#
#   scripts/test.sh             everything; a change has to pass it before it is sent
#   scripts/test.sh -m quick    the quick tier, for the minutes between two changes
#   scripts/test.sh tests/data_gen -x    style, types, and the tests of a folder up to the first that fails
#
# Makes an environment beside the checkout, once, and runs there: ruff check, ruff format --check, mypy, and pytest with
# the options. The first that fails ends it. PYTHON names the Python that makes
# the environment, FAIRSEQ_ATTENTION_VENV another folder for it; docs/installing.md lists all such variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

explain "$@"
BUILD=no prepare_environment runtime fairseq test
run cd "$ROOT"
# Beside the checks, which need one core. Without a C++ compiler its tests are skipped, with the reason.
{ run python -m fairseq_plugin --build || true; run python -m fairseq_plugin --info || true; } &
run ruff check .
run ruff format --check .
run mypy
wait
run pytest -n auto --dist loadfile --no-loadscope-reorder "$@"  # long files come first
