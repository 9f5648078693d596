// SPDX-License-Identifier: BSL-1.0
// Whatever weft calls may fail: each row of the table, with each of its errors, at several of its calls. The program
// `faulty` lives through it: in a process of its own each time where something is made once for a process, else in one
// after the other.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "faults/table.hpp"
#include "support/scale.hpp"

namespace {

using weft::faults::row;
using weft::faults::table;

struct ended {
  int status = 0;  // as wait(2) has it
  std::string output;
};

ended run(const std::string& command) {
  ended result;
  std::FILE* const pipe = popen((command + " 2>&1").c_str(), "re");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> block;
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe))
    result.output.append(block.data(), got);
  result.status = pclose(pipe);
  return result;
}

// Where glibc is 2.38 or newer, its headers call strtol and its like by another name, which takes numbers of C23.
constexpr std::string_view of_c23 = "__isoc23_";

// The C functions that the library calls, and of the C++ runtime those that fail.
std::set<std::string> called_by_weft() {
  const ended listed = run("nm -u '" WEFT_LIBRARY "'");
  REQUIRE_MESSAGE(listed.status == 0, listed.output);
  std::set<std::string> found;
  std::istringstream lines(listed.output);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find(" U ");
    if (at == line.npos) continue;
    std::string name = line.substr(at + 3);
    name = name.substr(0, name.find('@'));
    if (name.starts_with(of_c23)) name.erase(0, of_c23.size());
    const bool is_cxx = name.starts_with("_Z");
    if (!is_cxx || name.starts_with("_Znw") || name.starts_with("_Zna") || name == weft::faults::thread_start)
      found.insert(name);
  }
  return found;
}

bool is_of_a_runtime(std::string_view name) {
  return std::ranges::any_of(weft::faults::runtime_prefixes, [&](auto prefix) { return name.starts_with(prefix); });
}

std::map<std::string, std::size_t> counts() {
  const ended counted = run("'" WEFT_FAULTY "' count");
  REQUIRE_MESSAGE(counted.status == 0, counted.output);
  std::map<std::string, std::size_t> result;
  std::istringstream lines(counted.output);
  std::string name;
  for (std::size_t count; lines >> name >> count;) result[name] = count;
  return result;
}

// Only what hangs is to meet it, on a machine that has other things to do, too.
constexpr std::size_t seconds_for_one = 100;

void endure(const row& what, const std::vector<std::size_t>& calls, int error, const char* manner) {
  std::string arguments(what.name);
  for (const std::size_t call : calls) arguments += (call == calls.front() ? " " : ",") + std::to_string(call);
  arguments += " " + std::to_string(error) + " " + manner;
  const std::string limit = "timeout -s ABRT " + std::to_string(seconds_for_one + calls.size());
  const ended result = run(limit + " '" WEFT_FAULTY "' " + arguments);
  CHECK_MESSAGE(result.status == 0, arguments, " (", std::strerror(error), "): status ", result.status, "\n",
                result.output);
}

// Some of the calls: the first few, and ever fewer of the later ones.
std::vector<std::size_t> samples(std::size_t calls) {
  const std::size_t few = weft::test::scaled(3, 1);
  std::vector<std::size_t> result;
  for (std::size_t n = 1; n <= calls; n += n < few ? 1 : n / few) result.push_back(n);
  return result;
}

enum class lives { apart, together };

void endure_all(std::string_view first, std::string_view last, lives in) {
  const auto counted = counts();
  for (std::size_t i = weft::faults::index_of(first); i <= weft::faults::index_of(last); ++i) {
    const row& r = table[i];
    const auto found = counted.find(std::string(r.name));
    const std::size_t calls = found == counted.end() ? 0 : found->second;
    for (const int error : r.errors) {
      if (error == 0) break;
      const auto some = samples(calls);
      if (in == lives::together && !some.empty()) endure(r, some, error, "once");
      for (const std::size_t call : some) {
        if (in == lives::apart) endure(r, {call}, error, "once");
      }
      endure(r, {1}, error, error == EINTR || error == ECONNABORTED ? "storm" : "from");
    }
    if (r.is_partial) endure(r, {1}, 0, "part");
  }
}

}  // namespace

TEST_CASE("the table knows every function outside of weft that weft calls") {
  const auto called = called_by_weft();
  for (const std::string& name : called) {
    const bool known = std::ranges::any_of(table, [&](const row& r) { return r.name == name; }) ||
                       std::ranges::count(weft::faults::harmless, name) != 0 || is_of_a_runtime(name);
    CHECK_MESSAGE(known, name, " has no row");
  }
  for (const row& r : table) {
    // Messages go past libc, but in sanitizer builds (net/calls_direct.hpp).
    const bool goes_by_number = (r.name == "recv" || r.name == "send") && called.contains("syscall");
    CHECK_MESSAGE((goes_by_number || called.contains(std::string(r.name))), r.name, " is not called any more");
  }
}

TEST_CASE("every row of the table is called by the program that lives through it") {
  const auto counted = counts();
  for (const row& r : table) {
    const auto found = counted.find(std::string(r.name));
    CHECK_MESSAGE((found != counted.end() && found->second > 0), r.name, " is never called");
  }
}

TEST_CASE("memory that fails") { endure_all("mmap64", "_ZnwmSt11align_val_tRKSt9nothrow_t", lives::apart); }

TEST_CASE("threads and signals that fail") { endure_all(weft::faults::thread_start, "syscall", lives::apart); }

TEST_CASE("a poller that fails") { endure_all("epoll_create1", "ppoll", lives::apart); }

TEST_CASE("files that fail") {
  endure_all("open64", "open64", lives::apart);
  endure_all("read", "unlink", lives::together);
}

TEST_CASE("sockets that fail") { endure_all("socket", "getaddrinfo", lives::together); }
