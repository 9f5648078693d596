# SPDX-License-Identifier: BSL-1.0
"""The builds that ./dev knows, each a directory below build/, and how one is configured and compiled."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

RELEASE = ["-Dbuildtype=release"]
DEBUG = ["-Dbuildtype=debug"]
SANITIZED = ["-Dbuildtype=plain", "-Doptimization=1", "-Db_lundef=false"]
ASAN = SANITIZED + ["-Db_sanitize=address,undefined"]
TSAN = SANITIZED + ["-Db_sanitize=thread"]
# All but the release build, which compiles every file of the library alone, as its users do: it finds missing includes, and
# nothing is inlined between files. It makes the examples, too; the others have those that tests/examples compiles.
UNITY = ["-Dunity=on", "-Dunity_size=32"]

# What meson looks for and goes on without. `./dev build` installs none of it, `./dev check` all: it takes what is new only
# into a directory that is made anew.
HEADERS = Path("/usr/include")
USED_IF_THERE = ["valgrind/valgrind.h", "hiredis/hiredis.h", "postgresql/libpq-fe.h", "*/curl/curl.h", "mariadb/mysql.h",
                 "openssl/ssl.h", "boost/asio.hpp"]

WARNING = re.compile(r"[^/\s]+:\d+:\d+: warning:|ld: warning: .*")


@dataclass(frozen=True)
class Build:
    name: str
    options: list[str]
    context: str = "asm"
    compiler: str = ""  # the default one
    cross: str = ""  # a machine of tools/cross
    environment: dict[str, str] = field(default_factory=dict)  # of the tests
    unity: bool = True  # the library is compiled in a few large pieces, as each room of the tests is in all builds

    @property
    def directory(self):
        return BUILD / self.name

    @property
    def floors(self):
        return 2 if self.cross else 7

    def arguments(self):
        """Of the compiler."""
        # A large piece names its files by the directory it is made in. Without that, builds of both contexts have the same
        # tests, and the second one's are in the compiler cache.
        given = [f"-fmacro-prefix-map={self.directory}/../../=../../"]
        if self.options is not RELEASE:
            given += ["-g1"]  # line tables are enough for a backtrace and compile faster than full debug information
        if self.cross:
            given += [f"-isystem{lone_headers()}"]
        return given

    def compile(self, log, jobs=None):
        """Configures if need be, compiles, and returns whether that worked. What was said goes to the file `log`."""
        environment = dict(os.environ, CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
        if self.compiler:
            environment["CXX"] = self.compiler
        options = [*self.options, f"-Dcontext={self.context}", f"-Dfloors={self.floors}", "-Dtests=enabled"]
        options += UNITY if self.unity else ["-Dexamples=true"]
        if self.cross:
            options += ["--cross-file", str(ROOT / "tools/cross" / f"{self.cross}.ini")]
        setup = ["meson", "setup", str(self.directory), *options, f"-Dcpp_args={' '.join(self.arguments())}"]
        # A directory that other options or another compiler made is made anew; the compiler cache keeps that cheap.
        made_by = str([self.compiler, *setup, *[name for name in USED_IF_THERE if any(HEADERS.glob(name))]])
        written = self.directory / "options.txt"
        configured = (self.directory / "build.ninja").exists() and written.exists()
        if configured and written.read_text() != made_by:
            setup.insert(2, "--wipe")
            configured = False
        with open(log, "w") as out:
            run = lambda command: subprocess.run(command, cwd=ROOT, env=environment, stdout=out,
                                                 stderr=subprocess.STDOUT).returncode == 0
            if not configured:
                if not run(setup):
                    return False
                written.write_text(made_by)
            # nice: the tests that run beside it go first.
            return run(["nice", "ninja", "-C", str(self.directory), "-k0", *([f"-j{jobs}"] if jobs else [])])


def warnings_of(text):
    """Where a compilation gave warnings: each place once, from however many templates and pieces they came."""
    return {found.group(0) for found in WARNING.finditer(text)}


def lone_headers():
    """A directory with nothing in it but doctest, for compilers that must not see this machine's /usr/include."""
    directory = BUILD / "lone-headers"
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / "doctest"
    if not link.exists():
        link.symlink_to("/usr/include/doctest")
    return directory


def newest_clang():
    """The plain name is 14 on Debian 12, which knows no std::source_location."""
    named = [f"clang++-{version}" for version in range(30, 15, -1)]
    return next((name for name in named if shutil.which(name)), "clang++")


BUILDS = {build.name: build for build in [
    Build("release", RELEASE, unity=False),
    Build("debug", DEBUG),
    Build("asan", ASAN),
    Build("tsan", TSAN),
    Build("boost-release", RELEASE, context="boost"),
    Build("boost-debug", DEBUG, context="boost"),
    Build("boost-asan", ASAN, context="boost"),
    Build("boost-tsan", TSAN, context="boost"),
    Build("clang-release", RELEASE, compiler=newest_clang()),
    Build("clang-debug", DEBUG, compiler=newest_clang()),
    Build("aarch64", ["-Dbuildtype=debugoptimized"], cross="aarch64"),
    Build("riscv64", ["-Dbuildtype=debugoptimized"], cross="riscv64"),
]}
