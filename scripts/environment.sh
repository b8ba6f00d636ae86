# Sourced by quickstart.sh, test.sh and gpu_check.sh: makes, fills and activates the Python environment of this project.
#
#   prepare_environment PURPOSE...    each PURPOSE stands for requirements/PURPOSE.txt
#                                     (of another folder, if FAIRSEQ_ATTENTION_REQUIREMENTS names one)
#   BUILD=no prepare_environment ...  the caller compiles the steps of the recurrence
#
# The environment stands beside the checkout (/path/to/checkout.venv), or where FAIRSEQ_ATTENTION_VENV says. It is apart
# from any environment you have active: a fairseq of your own, upstream 0.12.2 included, is neither changed nor used.
# PYTHON names the interpreter to make it with, 3.10 to 3.13; otherwise python3. What is installed already is left as it
# is, so only the first run takes time, and an interrupted installation is completed by the next one.
#
# On Linux torch may come as a CUDA build of several GB. The small CPU build, where that index can be reached:
#   export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
REQUIREMENTS=${FAIRSEQ_ATTENTION_REQUIREMENTS:-$ROOT/requirements}

trap 'printf "%s: interrupted\n" "${0##*/}" >&2; exit 130' INT

fail() { # MESSAGE: one line on standard error, exit code 2
  printf '%s: error: %s\n' "${0##*/}" "$1" >&2
  exit 2
}

explain() { # WORDS OF THE COMMAND LINE...: prints the comment at the head of the script and ends, if they ask for help
  [[ ${1:-} == -h || ${1:-} == --help ]] || return 0
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit 0
}

run() { # COMMAND...: prints the command so that it can be pasted into a shell, then runs it
  printf '+%s\n' "$(printf ' %q' "$@")"
  "$@"
}

python_version() { # PYTHON: its version, such as 3.11, or nothing if it does not run
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

environment_folder() {
  if [[ -n ${FAIRSEQ_ATTENTION_VENV:-} ]]; then
    realpath -m "$FAIRSEQ_ATTENTION_VENV" 2>/dev/null || printf '%s\n' "$FAIRSEQ_ATTENTION_VENV"
  elif [[ -d $ROOT.venv || -w $(dirname "$ROOT") ]]; then
    printf '%s\n' "$ROOT.venv"
  else
    printf 'cannot write to %s; the environment is %s\n' "$(dirname "$ROOT")" "$ROOT/.venv" >&2
    printf '%s\n' "$ROOT/.venv"
  fi
}

# FOLDER PYTHON VERSION: a new, empty environment. Only a folder that is marked as made here may be replaced.
make_environment() {
  local folder=$1 python=$2 version=$3 mark=$1/.made-by-fairseq-attention
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "'$python' cannot make environments (venv or ensurepip is missing); on Debian and Ubuntu: apt-get install python$version-venv"
  if [[ -e $mark ]]; then
    rm -rf "$folder"
  elif [[ -e $folder && -n $(ls -A "$folder" 2>/dev/null || echo file) ]]; then
    fail "'$folder' is no environment with pip and Python $version, and was not made by this script; remove it or set FAIRSEQ_ATTENTION_VENV to a new folder"
  fi
  mkdir -p "$folder" 2>/dev/null && touch "$mark" 2>/dev/null ||
    fail "cannot write to '$folder'; set FAIRSEQ_ATTENTION_VENV to a folder that can be written"
  run "$python" -m venv "$folder"
}

# FOLDER: true unless making the environment (pip goes in last) or filling it was broken off.
complete() {
  [[ -x $1/bin/pip && ! -e $1/.installing && -n $(python_version "$1/bin/python") ]]
}

# FOLDER PURPOSE: what the stamp of an installed requirements file holds.
stamp() {
  python_version "$1/bin/python"
  cat "$REQUIREMENTS/$2.txt"
}

# FOLDER: true in an environment of yours (FAIRSEQ_ATTENTION_VENV) with a fairseq that works. It stays.
keeps_fairseq() {
  [[ ! -e $1/.made-by-fairseq-attention ]] && "$1/bin/python" -c 'import fairseq; fairseq.__version__' 2>/dev/null
}

# FOLDER PURPOSE...: installs all of it if a stamp is missing or old. The stamps are written last.
install_requirements() {
  local folder=$1 purpose outdated=no files=()
  shift
  for purpose in "$@"; do
    [[ $(cat "$folder/.installed-$purpose" 2>/dev/null) == "$(stamp "$folder" "$purpose")" ]] || outdated=yes
  done
  [[ $outdated == yes ]] || return 0
  for purpose in "$@"; do
    [[ $purpose != fairseq ]] || ! keeps_fairseq "$folder" || continue
    files+=(-r "$REQUIREMENTS/$purpose.txt")
  done
  echo "Installing; the first time this takes a few minutes. Of what pip says, only warnings and errors are shown."
  [[ -n ${PIP_EXTRA_INDEX_URL:-} ]] || echo "If torch comes as a download of several GB, stop this and get the small CPU build:
  export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"
  [[ ! -e $folder/.made-by-fairseq-attention ]] || touch "$folder/.installing"
  # Python compiles a file when it is first imported. pip would compile all files of all packages, for a minute or more.
  [[ -n ${PYTHONDONTWRITEBYTECODE:-} ]] || files+=(--no-compile)
  run "$folder/bin/python" -m pip install --disable-pip-version-check -qq "${files[@]}" || {
    rm -f "$folder/.installing"
    printf '%s: error: pip failed, see above; mend that and run this again\n' "${0##*/}" >&2
    exit 1
  }
  rm -f "$folder/.installing"
  for purpose in "$@"; do
    stamp "$folder" "$purpose" >"$folder/.installed-$purpose"
  done
  # Compiled steps of the recurrence. Without a C++ compiler one line says so, and everything works without them.
  [[ " $* " != *" fairseq "* || ${BUILD:-yes} == no ]] ||
    (cd "$ROOT" && run "$folder/bin/python" -m fairseq_plugin --build) || true
}

prepare_environment() {
  local folder python version
  folder=$(environment_folder)
  python=python3
  ! complete "$folder" || python=$folder/bin/python
  python=${PYTHON:-$python}
  version=$(python_version "$python")
  case $version in
    3.10 | 3.11 | 3.12 | 3.13) ;;
    '') fail "PYTHON='$python' does not run; name a Python 3.10 to 3.13, as in: PYTHON=python3.11 $0" ;;
    *) fail "PYTHON='$python' is Python $version; name a Python 3.10 to 3.13, as in: PYTHON=python3.11 $0" ;;
  esac
  if ! complete "$folder" || [[ $(python_version "$folder/bin/python") != "$version" ]]; then
    make_environment "$folder" "$python" "$version"
  fi
  install_requirements "$folder" "$@"
  run source "$folder/bin/activate"
}
