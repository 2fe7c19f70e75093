# shellcheck shell=bash
# Sourced by ./package, scripts/windows-smoke and scripts/macos-check: building for other systems on Linux. Not a program
# of its own.

# shellcheck disable=SC2034 # for those who source this
windows_target=x86_64-pc-windows-gnu

# Where the toolchain in use has no standard library for a target, Debian's Rust builds one from its sources.
has_std() { # target
  [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]
}

# Prints the Debian packages that cargo for a target lacks here.
missing_for_cargo() { # target
  has_std "$1" && return
  [ -x /usr/bin/rustc ] || printf '%s\n' rustc-web
  [ -x /usr/bin/cargo ] || printf '%s\n' cargo-web
  dpkg-query -W -f '${Status}\n' rust-web-src 2>/dev/null | grep -q 'ok installed' || printf '%s\n' rust-web-src
}

# Runs cargo for a target: what it makes is in a directory of its own, because it may be made by another Rust.
cross_cargo() { # target, directory, command, arguments…
  local target=$1 into=$2 command=$3
  shift 3
  if has_std "$target"; then
    cargo "$command" --locked --target-dir "$into" --target "$target" "$@"
  else
    # The bootstrap variable allows a released Rust to build its standard library, and nothing in ours is changed by it.
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc /usr/bin/cargo "$command" --locked \
      -Zbuild-std=std,panic_abort,panic_unwind --target-dir "$into" --target "$target" "$@"
  fi
}

# Prints the Debian packages that a build for Windows lacks here.
missing_for_windows() {
  missing_packages x86_64-w64-mingw32-gcc=gcc-mingw-w64-x86-64 x86_64-w64-mingw32-windres=binutils-mingw-w64-x86-64
  missing_for_cargo "$windows_target"
}

windows_cargo() { # command, arguments…
  cross_cargo "$windows_target" target/windows "$@"
}
