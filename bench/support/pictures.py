# SPDX-License-Identifier: BSL-1.0
"""The pictures of a report: for each one a gnuplot script with its data in it, so that the same figures give the same SVG."""

import shutil
import subprocess

from judgement import kind
from names import label, unit_name

DRAWN = ("", "cpu", "p99")
COLOURS = ("#8c1d40", "#d9608a", "#444444", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#999999",
           "#6a51a3", "#74c476")
WIDE = 20  # from this ratio of the largest to the smallest on, an axis is logarithmic
SCRIPT = """set terminal svg size 960,480 font "sans,12" noenhanced background "white"
set output "{name}.svg"
set title "{title}"
set ylabel "{unit}"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set key outside below horizontal
set grid ytics
set xtics scale 0 rotate by -15
{colours}
set datafile missing "-"
{axis}
$figures << END
{rows}
END
plot for [i=2:{columns}] $figures using i:xtic(1) title columnheader(i)
"""


def pictures(name, by_measure):
    """(file name without its ending, gnuplot script): one for each kind and unit that the measures of a workload have."""
    groups = {}
    for measure, sides in by_measure.items():
        load, what = kind(measure)
        unit = next(iter(sides.values())).unit
        positive = all(figure.median > 0 for figure in sides.values())  # a difference that is noise has no bar
        if what in DRAWN and positive:
            groups.setdefault((what, unit), {})[load] = sides
    for (what, unit), measures in groups.items():
        mark = what or unit.replace("/", "-per-").lower()
        yield f"{name}-{mark}", script(f"{name}-{mark}", f"{name}, {what or unit}", unit, measures)


def script(name, title, unit, measures):
    sides = list(dict.fromkeys(side for found in measures.values() for side in found))
    rows = ["measure " + " ".join(f'"{label(side)}"' for side in sides)]
    for measure, found in measures.items():
        cells = [f"{found[side].median:.6g}" if side in found else "-" for side in sides]
        rows.append(f'"{measure}" ' + " ".join(cells))
    medians = [figure.median for found in measures.values() for figure in found.values()]
    low, high = min(medians), max(medians)
    axis = f"set logscale y\nset yrange [{low / 2:.6g}:*]" if high / low > WIDE else "set yrange [0:*]"
    colours = "\n".join(f'set linetype {i + 1} linecolor rgb "{colour}"' for i, colour in enumerate(COLOURS))
    return SCRIPT.format(name=name, title=title, unit=unit_name(unit), colours=colours, axis=axis, rows="\n".join(rows), columns=len(sides) + 1)


def draw(directory, scripts):
    """Writes the SVG files into the directory. False if there is no gnuplot."""
    if not shutil.which("gnuplot"):
        return False
    for _, text in scripts:
        subprocess.run(["gnuplot"], input=text, cwd=directory, text=True, check=True)
    return True
