// SPDX-License-Identifier: BSL-1.0
// What the programs of this directory have in common: many fibers on one worker that use a library which knows nothing of
// them, and the server that `check` has started.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <vector>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

namespace weft::clients {

inline std::string address_of_server() {
  const char* const given = std::getenv("WEFT_TEST_SERVER");
  REQUIRE_MESSAGE(given != nullptr, "tests/clients/check runs this program");
  return given;
}

// The address, word by word.
inline std::vector<std::string> words_of_server() {
  std::istringstream text(address_of_server());
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

// Connections that may be open at once: as many as wanted, if this process may.
inline int company_of(int wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const int most = int(std::min<rlim_t>(limit.rlim_cur, 1'000'000)) - 100;
  if (most < wanted) MESSAGE("only ", most, " connections: RLIMIT_NOFILE");
  return std::min(wanted, most);
}

// On the one worker of a runtime: a call that blocked it would hang, for nobody else could do what it waits for.
template <class F> void on_one_worker(F&& what) {
  CHECK(hooks::enabled());
  weft::run(std::forward<F>(what), {.workers = 1});
}

// All of them at once.
inline void by_each(int count, const std::function<void(int)>& what) {
  with_scope([&](scope& all) {
    for (int i = 0; i < count; ++i) all.spawn([&what, i] { what(i); });
  });
}

// Asks until that is so: a server's own count of those who wait, say.
inline void until(const std::function<bool()>& is_so) {
  while (!is_so()) this_fiber::sleep_for(std::chrono::milliseconds(2));
}

}  // namespace weft::clients
