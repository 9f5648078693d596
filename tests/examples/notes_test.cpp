// SPDX-License-Identifier: BSL-1.0
// Runs examples/notes: what they print, in the stackless form and in the fiber form.
#include <doctest/doctest.h>

#include <string>

#include "examples/program.hpp"

using weft::test::program;

namespace {

std::string said_by(const char* name) {
  program p(name);
  const std::string all = p.said();
  CHECK(p.wait() == 0);
  return all;
}

// Every line with `from` in place of `to`.
std::string renamed(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("notes/iterator: both forms give the same items") {
  const std::string items =
      "stackless 0\nstackless 1\nstackless 2\nstackless square 0\nstackless square 1\n"
      "stackless square 4\nstackless square 9\n";
  CHECK(said_by("notes_iterator") == items + renamed(items, "stackless", "fiber"));
}

TEST_CASE("notes/generator_states: made, yielded, ended, returned, told, closed") {
  CHECK(said_by("notes_generator_states") ==
        "stackless made\nstackless 1\nstackless 2\nstackless yielded 666\nstackless 3\nstackless 4\nstackless ended\n"
        "stackless returned 5\nstackless yielded 0\nstackless heard a call\nstackless yielded 1\nstackless closed\n"
        "stackless ended\n"
        "fiber made\nfiber 1\nfiber 2\nfiber yielded 666\nfiber 3\nfiber 4\nfiber returned 5\nfiber yielded 0\n"
        "fiber heard a call\nfiber yielded 1\nfiber closed\n");
}

TEST_CASE("notes/jumping_range: 0 2 3 2, then 3 4") {
  const std::string items = "stackless 0\nstackless 2\nstackless 3\nstackless 2\nstackless 3\nstackless 4\n";
  CHECK(said_by("notes_jumping_range") == items + renamed(items, "stackless", "fiber"));
}

TEST_CASE("notes/steps: five ways, and in the last two the waits overlap") {
  const std::string alone =
      "  one_task begins\n    big_step begins\n      small_step waits\n      small_step works\n"
      "    big_step got 123\n  one_task got 123000\n";
  const std::string handed =
      renamed(alone, "      small_step waits\n", "      small_step waits\n  (at the top: others could run now)\n");
  const std::string three =
      "      small_step 1 waits\n      small_step 2 waits\n      small_step 3 waits\n"
      "      small_step 1 works\n  one_task 1 got 123000\n      small_step 2 works\n  one_task 2 got 246000\n"
      "      small_step 3 works\n  one_task 3 got 369000\n";
  // Who begins first is nobody's promise: fresh tasks run newest first.
  const std::string waits = "      small_step 1 waits\n      small_step 2 waits\n      small_step 3 waits\n";
  const std::string newest_first = "      small_step 3 waits\n      small_step 2 waits\n      small_step 1 waits\n";
  CHECK(renamed(said_by("notes_steps"), newest_first, waits) ==
        "1. a call that blocks\n" + alone + "2. handed upwards by hand\n" + handed +
            "3. handed upwards by delegation\n" + handed + "4. co_await and an event loop\n" + three + "5. fibers\n" +
            three + alone);
}

TEST_CASE("notes/fake_io: futures that threads set are waited for together") {
  const std::string read =
      "stackless: task 1 begins\nstackless: task 2 begins\nstackless: task 3 begins\n"
      "stackless: task 1 has read 100\nstackless: task 2 has read 200\n"
      "stackless: task 3 has read 300\n";
  CHECK(said_by("notes_fake_io") == read + renamed(read, "stackless", "fiber"));
}

TEST_CASE("notes/future_states: pending, finished, and who waits for it") {
  const std::string states = "stackless waits\nstackless pending\nstackless finished\nstackless got 1\n";
  CHECK(said_by("notes_future_states") == states + renamed(states, "stackless", "fiber"));
}

TEST_CASE("notes/context: a value for each flow, and a token that takes it back") {
  const std::string values = "stackless first~~~\nstackless second~~~\n";
  CHECK(said_by("notes_context") == values + renamed(values, "stackless", "fiber") + "outer\ninner\nouter\n");
}

TEST_CASE("notes/five_questions: all on one thread, at once, and no thread is started for it") {
  const std::string trace =
      "connected  on the same thread\nconnected  on the same thread\nall wait   on the same thread\n"
      "heard      on the same thread\nheard      on the same thread\n0 threads more\n";
  CHECK(said_by("notes_five_questions") == "tasks\n" + trace + "fibers\n" + trace);
}
