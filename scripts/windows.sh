# shellcheck shell=bash
# Sourced by ./test, ./package and scripts/windows-smoke: building for Windows on Linux. Not a program of its own.

windows_target=x86_64-pc-windows-gnu

# Where the toolchain in use has no standard library for Windows, Debian's Rust builds one from its sources.
has_windows_std() {
  [ -d "$(rustc --print target-libdir --target "$windows_target" 2>/dev/null)" ]
}

# Prints the Debian packages that a build for Windows lacks here.
missing_for_windows() {
  missing_packages x86_64-w64-mingw32-gcc=gcc-mingw-w64-x86-64 x86_64-w64-mingw32-windres=binutils-mingw-w64-x86-64
  has_windows_std && return
  [ -x /usr/bin/rustc ] || printf '%s\n' rustc-web
  [ -x /usr/bin/cargo ] || printf '%s\n' cargo-web
  dpkg-query -W -f '${Status}\n' rust-web-src 2>/dev/null | grep -q 'ok installed' || printf '%s\n' rust-web-src
}

# Runs cargo for Windows: what it makes is in target/windows, because it may be made by another Rust.
windows_cargo() { # command, arguments…
  local command=$1
  shift
  if has_windows_std; then
    cargo "$command" --locked --target-dir target/windows --target "$windows_target" "$@"
  else
    # The bootstrap variable allows a released Rust to build its standard library, and nothing in ours is changed by it.
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc /usr/bin/cargo "$command" --locked \
      -Zbuild-std=std,panic_abort,panic_unwind --target-dir target/windows --target "$windows_target" "$@"
  fi
}
