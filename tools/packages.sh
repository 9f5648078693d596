#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The Debian and Ubuntu packages that the verbs of ./dev need, and how a missing one is installed.
# A word is PACKAGE=PROBE; the package is there when the probe is a command or a file, or a pattern that fits one.
# shellcheck disable=SC2034  # dev reads these

building=(g++=g++ meson=meson ninja-build=ninja pkg-config=pkg-config python3=python3)
testing=("${building[@]}" doctest-dev=/usr/include/doctest/doctest.h gdb=gdb)
linting=(g++=g++ python3=python3)
# The one version whose layout is ours; Debian 13 has it no more, and lint goes without.
formatting=(clang-format-14=clang-format-14)
# The rest of what `./dev check` needs. Without dpkg-dev meson installs libraries into lib64, where Debian's CMake does
# not look.
checking=("${testing[@]}" "${linting[@]}" ccache=ccache spin=spin valgrind=valgrind cmake=cmake qemu-user=qemu-aarch64
  'libboost-context-dev=/usr/lib/*/libboost_context.so'  # libboost-dev has the headers of all
  g++-aarch64-linux-gnu=aarch64-linux-gnu-g++ g++-riscv64-linux-gnu=riscv64-linux-gnu-g++ dpkg-dev=dpkg-architecture)
# What `./dev check --all` compiles with, too: the plain one is too old on Debian 12, the other gone from Debian 13.
compilers=('clang-16=/usr/bin/clang++-1[6-9]' 'clang=/usr/bin/clang++-1[6-9]')
reporting=(python3=python3 gnuplot-nox=gnuplot)
# What tests/clients takes: each program is skipped whose server or library cannot be had.
clients=(redis-server=redis-server libhiredis-dev=/usr/include/hiredis/hiredis.h
  'postgresql=/usr/lib/postgresql/*/bin/postgres'
  libpq-dev=/usr/include/postgresql/libpq-fe.h nginx-light=/usr/sbin/nginx openssl=openssl
  libcurl4-openssl-dev=curl-config mariadb-server-core=mariadb-install-db
  mariadb-client-core=my_print_defaults libmariadb-dev=mariadb_config libssl-dev=/usr/include/openssl/ssl.h
  libboost-dev=/usr/include/boost/asio.hpp)
serving=("${building[@]}" wrk=wrk)

is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# need WORD...: installs what is missing.
need() {
  local word missing=() as_root=()
  for word; do
    is_there "${word#*=}" || missing+=("${word%%=*}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "dev: please install what these Debian packages hold: ${missing[*]}" >&2
    exit 1
  fi
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "dev: installing ${missing[*]}, by ${as_root[*]} apt-get install" >&2
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >&2 || {
    echo "dev: apt-get could not install ${missing[*]}" >&2
    exit 1
  }
}

# want WORD...: the same, but what cannot be had is a line on stderr, and no error.
want() {
  local word
  (need "$@") && return
  for word; do
    { [ $# -gt 1 ] && (need "$word"); } || echo "dev: going on without ${word%%=*}" >&2
  done
}
