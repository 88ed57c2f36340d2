# Sourced by tools/demo and tools/check: finds a Python, makes .venv, installs what is missing, and says so.

PYTHONS="python3 python3.13 python3.12 python3.11"

fail() {
  echo "$*" >&2
  exit 2
}

suitable() { # PYTHON: does it run, and can MuJoCo and the model's runtime be had for it?
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null
}

find_python() {
  local python
  for python in $PYTHONS; do
    if suitable "$python"; then
      command -v "$python"
      return
    fi
  done
  fail "No Python 3.11, 3.12 or 3.13 was found; install one (Debian: sudo apt install python3) and try again."
}

has_package() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

need_packages() { # PACKAGE...: installs those Debian packages that are missing
  local missing=() package root=()
  if ! command -v dpkg-query > /dev/null; then
    echo "This is not Debian: make sure that these are installed in your system's way: $*"
    return
  fi
  for package in "$@"; do
    has_package "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || fail "As root, run: apt-get install ${missing[*]}    Then try again."
    root=(sudo)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  "${root[@]}" apt-get -qq update || echo "The package lists could not be renewed; going on with those at hand."
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" \
    > /dev/null || fail "The packages could not be installed; run: sudo apt-get install ${missing[*]}"
}

# MicroPython from the system where it has the package (Debian 13, Ubuntu); elsewhere Lipwright fetches one.
need_micropython() {
  if command -v apt-cache > /dev/null && apt-cache show micropython > /dev/null 2>&1; then
    need_packages micropython
  fi
}

make_venv() { # EXTRAS: .venv with this checkout and its extras in it
  local python
  if ! suitable .venv/bin/python; then
    python=$(find_python) || exit 2
    if ! "$python" -c 'import ensurepip' 2> /dev/null; then
      need_packages "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
      "$python" -c 'import ensurepip' || fail "$python cannot make virtual environments; install its venv module."
    fi
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail ".venv could not be made; see the lines above."
  fi
  echo "Installing Lipwright with its extras [$1] into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$1]" ||
    fail "pip could not install Lipwright; see the lines above. Is the network there?"
}
