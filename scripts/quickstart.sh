#!/usr/bin/env bash
# From nothing to a trained model and a picture of its attention: scripts/quickstart.sh [FOLDER]
#
# Every command is printed as it runs; from the repository root each can be repeated by hand. The results go to FOLDER
# (default: quickstart/ in the checkout); what an earlier run put there is replaced. fairseq's log is in train.txt and
# generate.log there. PYTHON names the Python that makes the environment beside the checkout, FAIRSEQ_ATTENTION_VENV
# another folder for it; docs/installing.md lists all such variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

explain "$@"
[[ $# -le 1 && ${1:-} != -* ]] || fail "expected at most one argument, the folder for the results, but got '$*'"
folder=${1:-$ROOT/quickstart}
mkdir -p "$folder" 2>/dev/null || fail "cannot write to '$folder'; name another folder: $0 FOLDER"
place=$(cd "$folder" && pwd -P) # only what is there can be looked into: a name may lead through '..' to another folder
if [[ ! -e $place/.quickstart && -n $(ls -A "$place") ]]; then
  fail "'$folder' holds something that is not from this script; name a new folder: $0 FOLDER"
fi
touch "$place/.quickstart" 2>/dev/null || fail "cannot write to '$folder'; name another folder: $0 FOLDER"
folder=${place#"$ROOT/"}

prepare_environment runtime fairseq
run cd "$ROOT"
# So small a model is fastest on one thread; with more, another busy program makes it many times slower.
run export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# Deprecations inside fairseq, hydra and torch. Problems with data or training are log lines or errors, and stay.
run export PYTHONWARNINGS=ignore::UserWarning,ignore::FutureWarning,ignore::DeprecationWarning

announce() { # FILE COMMAND...: prints the command as run does, and where its output goes
  printf '+%s > %q\n' "$(printf ' %q' "${@:2}")" "$1"
}

# FILE COMMAND...: like run, with the output kept in FILE. The screen shows the epochs of a training, one a line. On a
# terminal, fairseq's own bar stands below the lines.
run_into() {
  local line bar=''
  [[ ! -t 1 ]] || bar=$'\r\e[K' # removes the bar
  announce "$@"
  "${@:2}" | tee "$1" | while IFS= read -r line; do
    [[ ! $line =~ \|\ valid\ \|\ (epoch\ [0-9]+)\ .*\|\ (loss\ [^ ]+)\ .*\|\ exact_match\ ([^ ]+) ]] ||
      printf '%s%s: %s, exact match %s\n' "$bar" "${BASH_REMATCH[@]:1:3}"
  done
}

# NAME.txt COMMAND...: like run_into, for fairseq-generate, which logs to standard error. That is kept in NAME.log; the
# screen shows only warnings and errors.
run_quietly_into() {
  announce "$@"
  "${@:2}" 2>&1 >"$1" | tee "${1%.txt}.log" | { grep -Ev '^(DEBUG|INFO):' || true; } >&2
}

model=$folder/checkpoints/checkpoint_best.pt
run rm -rf "$folder"/{data,checkpoints,{train,generate,attention}.txt,generate.log,attention.{npz,png}}

run python -m data_gen copy "$folder/data" --overwrite

run_into "$folder/train.txt" fairseq-train "$folder/data" --user-dir fairseq_plugin --task copy --arch gru_attention_copy \
  --criterion cross_entropy --optimizer adam --lr 0.001 --batch-size 32 --max-epoch 15 --seed 1 --num-workers 0 \
  --best-checkpoint-metric exact_match --maximize-best-checkpoint-metric \
  --save-dir "$folder/checkpoints" --no-epoch-checkpoints

run_quietly_into "$folder/generate.txt" fairseq-generate "$folder/data" --user-dir fairseq_plugin \
  --task copy --path "$model" --batch-size 128 --beam 5 --scoring exact_match

run_into "$folder/attention.txt" python scripts/extract_attention.py "$folder/data" \
  --path "$model" --output "$folder/attention.npz"

run python scripts/plot_attention.py "$folder/attention.npz" --output "$folder/attention.png"

echo
tail -n 1 "$folder/generate.txt"
tail -n 1 "$folder/attention.txt"
echo "picture: $(cd "$folder" && pwd)/attention.png"
echo "time: $SECONDS s"
