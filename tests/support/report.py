# SPDX-License-Identifier: BSL-1.0
"""Runs the unittest cases of the calling program; the last line is `N passed, N failed`."""

import sys
import unittest


def main():
    program = unittest.main(module="__main__", exit=False, verbosity=1, argv=sys.argv)
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.testsRun - failed - len(result.skipped)
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed" + (f", {len(result.skipped)} skipped" if result.skipped else ""))
    sys.exit(0 if failed == 0 and passed > 0 else 1)
