# shellcheck shell=bash
# Sourced by ./test and ./try: finding out what a machine lacks, and installing it with consent.
# Not a program of its own. Needs bash; sets nothing but functions and `root`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$@"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The Rust that the workspace asks for, e.g. 1.92.
wanted_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1; }

# Ends the script with the line that mends it unless a recent enough Rust answers.
need_rust() {
  local wanted found
  wanted=$(wanted_rust)
  if ! have cargo || ! have rustc; then
    fail "Rust $wanted or newer is needed and was not found. Install it from https://rustup.rs and come again."
  fi
  found=$(rustc --version | cut -d ' ' -f 2)
  if [ "$(printf '%s\n%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
    if have rustup; then
      fail "this is Rust $found, and $wanted or newer is needed. Run: rustup update stable && rustup default stable"
    fi
    fail "this is Rust $found, and $wanted or newer is needed. Install it from https://rustup.rs and come again."
  fi
}

# Prints each Debian package of "command=package" pairs whose command is missing.
missing_packages() {
  local pair
  for pair in "$@"; do
    have "${pair%%=*}" || printf '%s\n' "${pair#*=}"
  done
}

# Installs Debian packages: as root at once, otherwise through sudo after a yes on the terminal.
install_packages() {
  [ $# -gt 0 ] || return 0
  local by=()
  if ! have apt-get; then
    fail "these are missing, and only Debian's apt-get is known here; please install them: $*"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || fail "these Debian packages are missing; please install them: $*"
    if [ -n "${CI:-}" ]; then
      by=(sudo -n)
    elif [ -t 0 ]; then
      local answer
      read -r -p "Install with sudo apt-get: $* ? [y/N] " answer
      case "$answer" in y | Y | yes | Yes) by=(sudo) ;; *) fail "not installed: $*" ;; esac
    else
      fail "these Debian packages are missing, and nobody can be asked; please install them: $*"
    fi
  fi
  say "Installing: $*"
  "${by[@]}" apt-get update -q >/dev/null || say "apt-get update failed; trying with the lists there are"
  "${by[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install: $*"
}
