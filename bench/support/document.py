# SPDX-License-Identifier: BSL-1.0
"""The Markdown of a report: nothing in it that the JSON of the comparison and the file of reasons do not say."""

import re

from comparison import counted
from figures import digits, machine_line, table
from judgement import figures, form, kind, losses, unmeasured
from names import KINDS, label, unit_name
from pictures import pictures

MOST_LOSSES = 12  # that a paragraph spells out; the tables have all


def reasons(text):
    """Workload: what somebody wrote below its `## NAME` in the file of reasons."""
    parts = re.split(r"^## +(\S+) *\n", text, flags=re.M)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2]) if body.strip()}


def document(content, why):
    """`content`: what bench/compare wrote; `why`: the text of the file of reasons."""
    settings, wrote = content["settings"], reasons(why)
    parts = ["# weft compared", "Made by `./dev bench report` from what `./dev bench compare` measured; not edited by hand.",
             machine_line(content["machine"]), how(settings)]
    if content["missing"]:
        parts.append("**Missing**, and so compared with nothing here:\n\n" +
                     "\n".join(f"- {label(name)}: {reason}" for name, reason in sorted(content["missing"].items())))
    parts.append("\n".join(f"- [{name}](#{name}): {outcome(workload)}" for name, workload in content["workloads"].items()))
    for name, workload in content["workloads"].items():
        parts += section(name, workload, wrote.get(name))
    return "\n\n".join(parts) + "\n"


def how(settings):
    return (f"Up to {settings['rounds']} interleaved rounds, {settings['seconds']:g} s of load in each for servers. Each side has "
            "one core (two where it says so), what drives a server has the other. Figures are medians of all values; spread: "
            "how far the largest lies above the smallest.")


def outcome(workload):
    found = losses(figures(workload))
    if not found:
        return "nobody is ahead of weft"
    ahead = sorted({label(side) for loss in found for side, _ in loss.others})
    return "ahead of weft somewhere: " + ", ".join(ahead)


def section(name, workload, why):
    by_measure = figures(workload)
    yield f"## {name}"
    yield verdict(by_measure)
    if why:
        yield f"Why: {why}"
    yield f"Asked: {workload['text']}."
    for step, reason in unmeasured(workload).items():
        yield f"Not measured: {step}: {reason}."
    yield from (f"![{picture}]({picture}.svg)" for picture, _ in pictures(name, by_measure))
    yield from tables(by_measure)
    commands = (f"- {step}, {len(counted(entry))} rounds: `{entry['command']}`" for step, entry in workload["steps"].items())
    yield "<details><summary>Commands</summary>\n\n" + "\n".join(commands) + "\n\n</details>"


def verdict(by_measure):
    """The first paragraph: where weft loses."""
    if not by_measure:
        return "Nothing was measured."
    found = losses(by_measure)
    if not found:
        return "weft loses nowhere here."
    told = "; ".join(told_loss(loss) for loss in found[:MOST_LOSSES])
    rest = f"; and {len(found) - MOST_LOSSES} more in the tables" if len(found) > MOST_LOSSES else ""
    return f"**weft loses here**: {told}{rest}."


def told_loss(loss):
    best, its = loss.others[0]
    more = f", {len(loss.others) - 1} more are ahead" if len(loss.others) > 1 else ""
    unsure = ", within the spread" if loss.mine.overlaps(its) else ""
    return (f"{loss.measure}, {label(loss.side)}: {amount(loss.mine)} against {amount(its)} of {label(best)} "
            f"({loss.mine.behind(its):.2f}x{unsure}{more})")


def amount(figure):
    return f"{digits(figure.median)} {unit_name(figure.unit)}"


def tables(by_measure):
    """A table for each measure; one for all that was measured of one load."""
    loads = {}
    for measure, sides in by_measure.items():
        load, what = kind(measure)
        loads.setdefault(load, {})[what] = sides
    for load, kinds in loads.items():
        yield plain_table(load, kinds[""]) if "" in kinds else load_table(load, kinds)


def behind(side, sides):
    """How it stands to weft's fibers on as many cores, by medians."""
    cores = form(side)[1]
    own = sides.get("weft" if cores == 1 else f"weft-{cores}")
    return f"{sides[side].median / own.median:.2f}" if own and own.median > 0 else "-"


def plain_table(measure, sides):
    unit = unit_name(next(iter(sides.values())).unit)
    return table([measure, unit, "best", "spread", "of fibers"],
                 [[label(side), digits(figure.median), digits(figure.best), f"{figure.spread * 100:.0f} %", behind(side, sides)]
                  for side, figure in sides.items()])


def load_table(load, kinds):
    whats = [what for what in KINDS if what in kinds]
    first = kinds[whats[0]]
    rows = [[label(side), *(digits(kinds[what][side].median) if side in kinds[what] else "-" for what in whats),
             f"{first[side].spread * 100:.0f} %", behind(side, first)] for side in first]
    return table([load, *(KINDS[what] for what in whats), "spread", "of fibers"], rows)
