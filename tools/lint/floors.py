# SPDX-License-Identifier: BSL-1.0
"""An include goes down or stays in its own room. The floors come from the block in ARCHITECTURE.md."""

import re
from pathlib import Path

from tree import Violation, fences

FLOOR = re.compile(r"^(\d)  (\S+(?: {1,2}\S+)*)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
# May include every public header, and are themselves included by these only.
OUTSIDE = {"tests", "bench", "examples", "docs", "tools"}


def rooms(architecture):
    """{room: floor} from the first fenced block that has floors."""
    for _, _, body in fences(architecture):
        found = {room.replace("/", "_"): int(line[1]) for line in map(FLOOR.match, body.splitlines()) if line
                 for room in line[2].split()}
        if found:
            return found
    return {}


def room_of(path):
    """The room that a file belongs to; "top" for headers like <weft/weft.hpp>, None outside of the building."""
    parts = path.parts
    if parts[0] == "asm":
        return "asm"
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else "top"
    if parts[:2] == ("include", "weft"):
        inner = parts[3:] if parts[2] == "detail" else parts[2:]
        return inner[0] if len(inner) > 1 else "top"
    return None


def resolve(tree, path, quote, name):
    """The file of the project that an include names, or None."""
    places = ([path.parent] if quote == '"' else []) + [Path("include"), Path("src"), Path("asm")]
    for place in places:
        candidate = place / name
        if (tree.root / candidate).is_file():
            return candidate
    return None


def check(tree):
    architecture = Path("ARCHITECTURE.md")
    floors = rooms(tree.text(architecture)) if architecture in tree.files else {}
    if not floors:
        return [Violation("ARCHITECTURE.md", 0, "has no block that says which room is on which floor")]
    violations = []
    for path in tree.cpp + tree.having({".S"}):
        if path.parts[0] in OUTSIDE:
            continue
        text = tree.text(path)
        for found in INCLUDE.finditer(text):
            target = resolve(tree, path, found[1], found[2])
            message = judge(floors, path, target, found[2])
            if message:
                violations.append(Violation(str(path), text.count("\n", 0, found.start(2)) + 1, message))
    return violations


def judge(floors, path, target, name):
    """What is wrong with an include of `target`, spelled `name`, in `path`; None if nothing is."""
    here = room_of(path)
    if here is not None and here != "top" and here not in floors:
        return f"the room {here} is on no floor of ARCHITECTURE.md"
    if target is None:
        return f"{name} does not exist" if name.startswith("weft/") else None
    if path.parts[0] == "include" and target.parts[0] in ("src", "asm"):
        return f"a public header includes the private {target}"
    there = room_of(target)
    if here is None or here == "top" and there != "top":
        return None
    if there == "top":
        return None if here == "top" else f"{name} is for users of weft; include the header that is needed"
    if there not in floors:
        return f"{name} is in the room {there}, which is on no floor of ARCHITECTURE.md"
    if floors[there] > floors[here]:
        return f"goes up: {here} is on floor {floors[here]}, {there} on floor {floors[there]}"
    if floors[there] == floors[here] and there != here:
        return f"goes sideways: {here} and {there} are both on floor {floors[here]}"
    return None
