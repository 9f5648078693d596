# SPDX-License-Identifier: BSL-1.0
"""./dev build: compiles one or more of the builds."""

import sys

from builds import BUILD, BUILDS
from console import say


def main(names):
    if names == ["--list"]:
        for build in BUILDS.values():
            print(f"{build.name:15} {' '.join(build.options)} -Dcontext={build.context}")
        return 0
    for name in names or ["release"]:
        if name not in BUILDS:
            sys.exit(f"dev: there is no build '{name}'; `./dev build --list` names them")
        BUILD.mkdir(exist_ok=True)
        log = BUILD / f"{name}.txt"
        say(f"{name}: compiling into {BUILDS[name].directory}")
        if not BUILDS[name].compile(log):
            say(f"{name}: failed; all of it is in {log}", "\n".join(log.read_text().splitlines()[-40:]))
            return 1
        say(f"{name}: done")
    return 0


sys.exit(main(sys.argv[1:]))
