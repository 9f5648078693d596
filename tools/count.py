# SPDX-License-Identifier: BSL-1.0
"""How many test cases passed, failed and were skipped, and the line that says so."""

import re
from dataclasses import dataclass

LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")

    @property
    def good(self):
        """Nothing failed and something was tried."""
        return self.failed == 0 and self.passed + self.skipped > 0

    @staticmethod
    def last_in(text):
        """The last such line of a text, or None."""
        found = LINE.findall(text)
        return Count(*(int(number or 0) for number in found[-1])) if found else None
