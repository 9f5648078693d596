#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every check of ./dev lint fails on a planted violation and passes its healthy twin."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/lint"), str(ROOT / "tests/support")]
import alone  # noqa: E402
import floors  # noqa: E402
import hooks  # noqa: E402
import layout  # noqa: E402
import length  # noqa: E402
import licence  # noqa: E402
import names  # noqa: E402
import paste  # noqa: E402
import report  # noqa: E402
import snippets  # noqa: E402
import tags  # noqa: E402
from tree import Tree  # noqa: E402

ARCHITECTURE = """\
```
3  roof
2  left  right  attic/box   two rooms and a box
1  cellar                   below
```
"""


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.plant("ARCHITECTURE.md", ARCHITECTURE)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def violations(self, check):
        return [str(violation) for violation in check.check(Tree(self.root))]

    def assert_caught(self, check, *parts):
        found = self.violations(check)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def assert_healthy(self, check):
        self.assertEqual(self.violations(check), [])


class Floors(Case):
    def setUp(self):
        super().setUp()
        for room in ("cellar", "left", "right", "roof"):
            self.plant(f"include/weft/{room}/thing.hpp", "")
            self.plant(f"include/weft/detail/{room}/inner.hpp", "")
            self.plant(f"src/{room}/private.hpp", "")
        self.plant("src/attic_box/private.hpp", "")
        self.plant("include/weft/house.hpp", "#include <weft/roof/thing.hpp>\n#include <weft/cellar/thing.hpp>\n")

    def test_down_and_in_the_own_room_is_allowed(self):
        self.plant("src/left/code.cpp", """\
            #include "left/private.hpp"
            #include "private.hpp"
            #include "cellar/private.hpp"
            #include <weft/left/thing.hpp>
            #include <weft/detail/cellar/inner.hpp>
            #include <vector>
            """)
        self.plant("include/weft/roof/other.hpp", "#include <weft/detail/left/inner.hpp>\n")
        self.assert_healthy(floors)

    def test_up_fails(self):
        self.plant("src/left/code.cpp", '\n#include "roof/private.hpp"\n')
        self.assert_caught(floors, "src/left/code.cpp:2", "goes up")

    def test_up_between_public_headers_fails(self):
        self.plant("include/weft/cellar/other.hpp", "#include <weft/left/thing.hpp>\n")
        self.assert_caught(floors, "goes up")

    def test_up_into_detail_fails(self):
        self.plant("include/weft/detail/cellar/other.hpp", "#  include <weft/detail/roof/inner.hpp>\n")
        self.assert_caught(floors, "goes up")

    def test_sideways_fails(self):
        self.plant("src/left/code.cpp", '#include "right/private.hpp"\n')
        self.assert_caught(floors, "goes sideways")

    def test_sideways_into_a_room_with_a_slash_fails(self):
        self.plant("src/left/code.cpp", '#include "attic_box/private.hpp"\n')
        self.assert_caught(floors, "goes sideways")

    def test_a_public_header_that_includes_a_private_one_fails(self):
        self.plant("include/weft/left/other.hpp", '#include "left/private.hpp"\n')
        self.assert_caught(floors, "private")

    def test_a_header_for_users_is_not_for_rooms(self):
        self.plant("src/roof/code.cpp", "#include <weft/house.hpp>\n")
        self.assert_caught(floors, "for users")

    def test_a_header_for_users_is_for_tests_and_examples(self):
        self.plant("tests/left/code.cpp", '#include <weft/house.hpp>\n#include "roof/private.hpp"\n')
        self.plant("examples/code.cpp", "#include <weft/house.hpp>\n")
        self.assert_healthy(floors)

    def test_a_header_that_does_not_exist_fails(self):
        self.plant("src/roof/code.cpp", "#include <weft/roof/gone.hpp>\n")
        self.assert_caught(floors, "does not exist")

    def test_a_room_without_a_floor_fails(self):
        self.plant("src/shed/code.cpp", "#include <vector>\n")
        self.assert_caught(floors, "shed is on no floor")

    def test_a_house_without_a_floor_plan_fails(self):
        self.plant("ARCHITECTURE.md", "Once there was a plan.\n")
        self.assert_caught(floors, "ARCHITECTURE.md")


class Alone(Case):
    def test_a_header_that_needs_another_one_first_fails(self):
        self.plant("include/weft/left/thing.hpp", "#pragma once\ninline std::vector<int> thing() { return {}; }\n")
        self.assert_caught(alone, "include/weft/left/thing.hpp", "does not compile alone")

    def test_a_header_that_cannot_be_included_twice_fails(self):
        self.plant("include/weft/left/thing.hpp", "struct thing {};\n")
        self.assert_caught(alone, "does not compile alone")

    def test_a_header_that_no_program_may_include_is_compiled_with_those_that_do(self):
        self.plant("include/weft/detail/left/thing.hpp", "inline std::vector<int> thing() { return {}; }\n")
        self.assert_healthy(alone)

    def test_a_header_with_its_includes_passes(self):
        self.plant("include/weft/left/thing.hpp",
                   "#pragma once\n#include <vector>\ninline std::vector<int> thing() { return {}; }\n")
        self.assert_healthy(alone)


class Names(Case):
    def test_a_name_that_is_gone_fails(self):
        self.plant("src/left/code.cpp", "// Calls `started`, then `stopped`.\nvoid started();\n")
        self.assert_caught(names, "src/left/code.cpp:1", "`stopped`")

    def test_a_name_that_lives_on_in_comments_only_fails(self):
        self.plant("src/left/code.cpp", "/* stopped\n `stopped()` */\nvoid started();\n")
        self.assert_caught(names, "src/left/code.cpp:2")

    def test_a_part_of_a_name_that_is_gone_fails(self):
        self.plant("src/left/code.cpp", "// Calls `thing::stopped()`.\nstruct thing { void started(); };\n")
        self.assert_caught(names, "no stopped")

    def test_a_file_that_is_gone_fails(self):
        self.plant("src/left/code.cpp", "// See `left/gone.hpp`.\n")
        self.assert_caught(names, "left/gone.hpp")

    def test_a_name_in_a_script_fails_too(self):
        self.plant("tools/tool.py", 'text = "# no comment: `gone`"\n# Calls `stopped`.\n')
        self.assert_caught(names, "tools/tool.py:2", "stopped")

    def test_what_exists_passes(self):
        self.plant("src/left/code.cpp", """\
            // `thing::start(int)` of `left/code.cpp`, `WEFT_THING`, `std::jthread`, `EAGAIN`, `EPOLLIN`, `-Dthing=on`,
            // `epoll_wait`, `/proc/self/maps`, `if`, `src/left`, and a "string with // `nothing` in it".
            struct thing { void start(int) { getenv("WEFT_THING"); } };
            const char* text = "// `gone`";  const int thousand = 1'000;  // `thousand`
            """)
        self.plant("src/left/more.cpp", 'auto raw = R"(// `gone`)";\n')
        # The quote above lies in a comment: of it only `nothing` is a name, and it is gone.
        self.assert_caught(names, "`nothing`")


class Tags(Case):
    HOME = "//  [door-1] Open.\n//  [door-2] Go through.\n"

    def test_a_tag_without_a_home_fails(self):
        self.plant("src/left/code.cpp", "// [door-3]\n#include <vector>  // as [window-1] says\n")
        self.assertEqual(len(self.violations(tags)), 2)

    def test_a_tag_with_two_homes_fails(self):
        self.plant("ARCHITECTURE.md", "`src/left/code.cpp` `src/right/code.cpp`\n")
        self.plant("src/left/code.cpp", self.HOME)
        self.plant("src/right/code.cpp", "//  [door-1] Open it.\n")
        self.assert_caught(tags, "told in src/left/code.cpp too")

    def test_a_home_that_the_architecture_does_not_name_fails(self):
        self.plant("src/left/code.cpp", self.HOME)
        self.assert_caught(tags, "ARCHITECTURE.md", "src/left/code.cpp")

    def test_a_tag_with_one_home_passes(self):
        self.plant("ARCHITECTURE.md", "`src/left/code.cpp`\n")
        self.plant("src/left/code.cpp", self.HOME)
        self.plant("src/right/code.cpp", "int x = 0;  // after [door-2]\n")
        self.assert_healthy(tags)


class Snippets(Case):
    def setUp(self):
        super().setUp()
        self.plant("include/weft/weft.hpp", "#pragma once\nnamespace weft { inline int run() { return 0; } }\n")

    def readme(self, code):
        self.plant("README.md", "# weft\n\n```cpp\n" + textwrap.dedent(code) + "```\n\n```sh\nnot C++\n```\n")

    def test_a_program_that_does_not_compile_fails(self):
        self.readme("#include <weft/weft.hpp>\nint main() { return weft::walk(); }\n")
        self.assert_caught(snippets, "README.md:4", "walk")

    def test_statements_that_do_not_compile_fail(self):
        self.readme("weft::walk();\n")
        self.assert_caught(snippets, "README.md:4")

    def test_what_compiles_passes(self):
        self.readme("#include <weft/weft.hpp>\nint main() { return weft::run(); }\n")
        self.plant("docs/guide.md", "```cpp\nweft::run();\n```\n")
        self.assert_healthy(snippets)


class Licence(Case):
    def test_a_file_without_the_line_fails(self):
        self.plant("src/left/code.cpp", "// A file.\n")
        self.assert_caught(licence, "src/left/code.cpp:1")

    def test_a_line_that_is_not_the_first_fails(self):
        self.plant("src/left/meson.build", "\n# SPDX-License-Identifier: BSL-1.0\n")
        self.assert_caught(licence, "src/left/meson.build:1")

    def test_a_script_without_the_line_fails(self):
        self.plant("tool", "#!/bin/sh\ntrue\n")
        self.assert_caught(licence, "tool:2")

    def test_files_with_the_line_pass(self):
        self.plant("src/left/code.cpp", "// SPDX-License-Identifier: BSL-1.0\n")
        self.plant("tool", "#!/bin/sh\n# SPDX-License-Identifier: BSL-1.0\n")
        self.plant("README.md", "# weft\n")
        self.assert_healthy(licence)


@unittest.skipIf(layout.missing(), layout.missing())
class Layout(Case):
    def setUp(self):
        super().setUp()
        self.plant(".clang-format", (ROOT / ".clang-format").read_text())

    def test_a_file_that_is_not_formatted_fails_and_is_put_right(self):
        self.plant("src/left/code.cpp", "int first;\nint  second ;\n")
        self.assert_caught(layout, "src/left/code.cpp:2")
        layout.fix(Tree(self.root))
        self.assert_healthy(layout)

    def test_a_formatted_file_passes(self):
        self.plant("src/left/code.cpp", "int first;\n")
        self.assert_healthy(layout)


class Paste(Case):
    def setUp(self):
        super().setUp()
        self.plant("docs/table.md", "| 1 | 2 |\n")

    def test_a_block_that_differs_from_its_file_fails_and_is_put_right(self):
        self.plant("README.md", "<!-- docs/table.md -->\n| 1 | 3 |\n<!-- end -->\n")
        self.assert_caught(paste, "README.md:1", "docs/table.md")
        paste.fix(Tree(self.root))
        self.assert_healthy(paste)
        self.assertIn("| 1 | 2 |", (self.root / "README.md").read_text())

    def test_a_block_of_a_file_that_is_gone_fails(self):
        self.plant("README.md", "<!-- docs/gone.md -->\n<!-- end -->\n")
        self.assert_caught(paste, "does not exist")

    def test_a_block_that_is_its_file_passes(self):
        self.plant("README.md", "<!-- docs/table.md -->\n| 1 | 2 |\n<!-- end -->\n")
        self.assert_healthy(paste)


class Hooks(Case):
    def setUp(self):
        super().setUp()
        self.plant("src/hooks/table.hpp", "enum class behaviour {\n  sleeps,  // parks for a while\n  waits,   // parks\n};\n")
        self.plant("src/hooks/table.cpp", """\
            const hook rows[] = {
                {"poll", behaviour::waits, at<&::poll>},
                {"sleep", behaviour::sleeps, at<&::sleep>},
                {"usleep", behaviour::sleeps, at<&::usleep>},
            };
            """)

    def test_a_table_that_differs_from_the_source_fails_and_is_put_right(self):
        self.plant("docs/hooks.md", "before\n<!-- src/hooks/table.cpp -->\n| sleep |\n<!-- end -->\nbehind\n")
        self.assert_caught(hooks, "docs/hooks.md:2", "src/hooks/table.cpp")
        hooks.fix(Tree(self.root))
        self.assert_healthy(hooks)
        self.assertEqual((self.root / "docs/hooks.md").read_text().splitlines(), [
            "before", "<!-- src/hooks/table.cpp -->", "| on a fiber it | functions |", "|---|---|",
            "| parks for a while | `sleep` `usleep` |", "| parks | `poll` |", "<!-- end -->", "behind"])

    def test_a_document_without_the_table_fails(self):
        self.plant("docs/hooks.md", "nothing\n")
        self.assert_caught(hooks, "has no block")


class Length(Case):
    def test_a_long_file_is_mentioned(self):
        self.plant("src/left/code.cpp", "\n" * 351)
        self.assert_caught(length, "351 lines")

    def test_a_short_file_passes(self):
        self.plant("src/left/code.cpp", "\n" * 350)
        self.assert_healthy(length)


class Command(Case):
    """The program around the checks: what it exits with."""

    def lint(self, *checks, **environment):
        return subprocess.run([sys.executable, ROOT / "tools/lint", "--root", self.root, *checks],
                              capture_output=True, text=True, env={**os.environ, **environment})

    def test_a_violation_is_counted_and_is_the_exit_status(self):
        self.plant("src/left/code.cpp", "// A file.\n")
        done = self.lint("licence", "floors")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (1, "1 passed, 1 failed"))

    def test_a_warning_fails_nothing(self):
        self.plant("src/left/code.cpp", "\n" * 351)
        done = self.lint("length")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "1 passed, 0 failed"))
        self.assertIn("length: warns", done.stdout)

    def test_without_its_program_a_check_is_skipped_and_a_fix_is_an_error(self):
        self.plant("src/left/code.cpp", "// SPDX-License-Identifier: BSL-1.0\nint  second ;\n")
        done = self.lint("licence", "layout", PATH=str(self.root))
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("nothing was formatted", self.lint("--fix", PATH=str(self.root)).stderr)

    def test_a_check_that_does_not_exist_is_an_error(self):
        self.assertNotEqual(self.lint("nonsense").returncode, 0)


report.main()
