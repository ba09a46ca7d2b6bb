#!/usr/bin/env bash
# Makes the virtual environment with the versions of requirements.lock; run again, it repairs a half-made one.
# Usage: install.sh VENV [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:?usage: install.sh VENV [PYTHON]}
python=${2:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "install: $python is older than Python 3.11; name a newer one: make PYTHON=python3.12" >&2
    exit 2
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

# Settings of the user's that would put packages elsewhere than into the environment, or hide its own.
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PIP_DRY_RUN PIP_REQUIRE_HASHES PYTHONHOME

# Bytecode comes at the end, on all cores: pip writes it on one.
install() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-compile "$@"; }

# torch by itself, so that a build already chosen for this machine (CPU or CUDA) is the one the rest meets.
echo "install: torch (the large one)"
install --constraint requirements.lock "$(grep '^torch==' requirements.lock)"
echo "install: $(grep -c '==' requirements.lock) pinned packages"
install --requirement requirements.lock
install --no-deps --editable .
# Some packages bring files for other Pythons, which do not compile.
"$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" || true
"$venv/bin/python" scripts/lock.py
