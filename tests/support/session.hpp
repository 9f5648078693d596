// SPDX-License-Identifier: BSL-1.0
// What every test program does around its test cases: it notices a hang, a leak and a skip, and tells ./dev about them.
//
// Environment: `WEFT_TEST_TIMEOUT` seconds that one test case may take (200), `WEFT_TEST_LOG` a file that gets one line
// per start and end of a test case, so that ./dev can name and count the test cases of a program that crashed.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace weft::test {

// Called on a plain thread when a test case hangs, before the program aborts: writes what is alive to `fd`.
void on_hang(std::function<void(int fd)> dump);

// Called before each test case and after it, on the main thread: the values must agree, or the test case leaks `what`.
void on_leak_check(std::string what, std::function<long()> count);

// Says that the running test case cannot be carried out on this machine, and why. Return from the test case after it.
void skip(std::string_view why);

// For tests/support/main.cpp.
class session {
 public:
  session();
  ~session();  // stops the watchdog
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void begin(std::string_view name);
  void end(bool passed);
  [[nodiscard]] bool leaked() const;  // any test case so far
};

}  // namespace weft::test
