# SPDX-License-Identifier: BSL-1.0
"""What the values of a comparison say: figures by measure and side, who is better, by how much, and whether surely."""

from dataclasses import dataclass, field

from figures import median, spread

FORMS = ("weft", "stackless")
MORE_IS_BETTER = ("1/s",)
KINDS = ("cpu", "rps", "p50", "p99", "p999", "p9999", "instructions")  # of one load on a server: one table
JUDGED = ("cpu", "p99")  # of those; the others say the same again


@dataclass
class Figure:
    unit: str
    values: list = field(default_factory=list)

    @property
    def median(self):
        return median(self.values)

    @property
    def best(self):
        return max(self.values) if self.unit in MORE_IS_BETTER else min(self.values)

    @property
    def spread(self):
        return spread(self.values)

    def behind(self, other):
        """How many times worse than the other one, by medians; below 1 it is better."""
        mine, its = (other.median, self.median) if self.unit in MORE_IS_BETTER else (self.median, other.median)
        return mine / its if its > 0 else float("inf")

    def overlaps(self, other):
        return min(self.values) <= max(other.values) and min(other.values) <= max(self.values)


@dataclass(frozen=True)
class Loss:
    measure: str
    side: str
    mine: Figure
    others: list  # (side, figure) of all that are better, the best first


def figures(workload):
    """Measure: side: figure, in the order in which they were measured."""
    found = {}
    for step in workload["steps"].values():
        for samples in step["rounds"]:
            for measure, side, unit, values in samples or []:
                found.setdefault(measure, {}).setdefault(side, Figure(unit)).values += values
    return {measure: dict(sorted(sides.items(), key=lambda item: place(item[0]))) for measure, sides in found.items()}


def place(side):
    """weft's own come first."""
    base, cores = form(side)
    return cores, FORMS.index(base) if base in FORMS else len(FORMS)


def form(side):
    """The side without its mark, and on how many cores it ran."""
    base, _, cores = side.rpartition("-")
    return (base, int(cores)) if base and cores.isdigit() else (side, 1)


def kind(measure):
    """The load, and what of it; "" for a measure that stands for itself."""
    load, _, what = measure.rpartition("/")
    return (load, what) if what in KINDS else (measure, "")


def losses(by_measure):
    """Where a form of weft is behind somebody who ran on as many cores."""
    found = []
    for measure, sides in by_measure.items():
        if kind(measure)[1] not in ("", *JUDGED):
            continue
        for side, mine in sides.items():
            base, cores = form(side)
            if base not in FORMS:
                continue
            better = [(other, its) for other, its in sides.items()
                      if form(other)[0] not in FORMS and form(other)[1] == cores and mine.behind(its) > 1
                      and min(mine.median, its.median) > 0]  # a difference of two times may be nothing but noise
            if better:
                better.sort(key=lambda item: (-mine.behind(item[1]), item[0]))
                found.append(Loss(measure, side, mine, better))
    return found


def unmeasured(workload):
    """Steps that gave nothing, and why."""
    def why(step):
        return step.get("failed") or ("the machine did not have two cores for it" if step["rounds"] else "its turn never came")
    return {name: why(step) for name, step in workload["steps"].items() if not any(step["rounds"])}
