// SPDX-License-Identifier: BSL-1.0
// Each function of the hooks' table, while one call beneath it fails, each in turn and by each of its errors: the hooked
// call says so as its man page has it, or works by another way; nothing is lost or left; and the next call works.
#include <dirent.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <weft/weft.hpp>

#include "faults/hooks/table.hpp"
#include "faults/hooks/trial.hpp"
#include "faults/plan.hpp"
#include "hooks/files.hpp"
#include "hooks/table.hpp"
#include "support/session.hpp"

using namespace weft::faults;
using namespace weft::faults::hooked;

namespace {

const std::array all_cases = {
    cases_of_files,  cases_of_sockets, cases_of_several_files, cases_of_names, cases_of_children_and_locks,
    cases_of_numbers};

// Beneath these nothing fails: closefrom(3) has no way to say so, and nothing can stand between vfork(2) and its caller.
constexpr std::string_view infallible[] = {"closefrom", "vfork"};

std::size_t open_numbers() {
  std::size_t count = 0;
  DIR* const directory = opendir("/proc/self/fd");
  while (directory && readdir(directory)) ++count;
  if (directory) closedir(directory);
  return count;
}

std::string words_for(const hooked_case& which, const plan& what) {
  constexpr const char* manners[] = {"alone", "and all that follow", "and nine of ten that follow", ""};
  std::string words = std::string(which.function) + (which.what.empty() ? "" : ", ") + std::string(which.what);
  if (what.row == row_count) return words;
  return words + ", when call " + std::to_string(what.call) + " of " + std::string(table[what.row].name) + " fails, " +
         manners[int(what.manner)] + ": " + std::strerror(what.error);
}

// For whom it hangs.
std::string played;

struct outcome {
  std::size_t strikes = 0;  // how often something failed
  trial::counts calls{};
};

// In a runtime of its own.
outcome play(const hooked_case& which, const plan& what) {
  const std::string name = played = words_for(which, what);
  const std::size_t numbers = open_numbers();
  outcome result;
  weft::run(
      [&] {
        trial first(which.function, what), again(which.function, {.row = row_count});
        which.play(first);
        result = {first.strikes(), first.calls()};
        CHECK_MESSAGE(first.complaint().empty(), name, "\n  it ", first.complaint());
        which.play(again);
        CHECK_MESSAGE(again.complaint().empty(), name, "\n  the next one ", again.complaint());
      },
      {.workers = 1, .hog_threshold = {}});  // a director who waits for an outsider holds its worker
  CHECK_MESSAGE(open_numbers() == numbers, name, ": a descriptor is left");
  return result;
}

// Call after call, until it makes no more of them than the plan wants.
std::size_t play_each(const hooked_case& which, std::size_t row, int error) {
  constexpr std::size_t most = 30;  // who asks again and again never comes to an end
  std::size_t strikes = 0;
  for (std::size_t call = 1, struck = 1; struck > 0 && call <= most; ++call)
    strikes += struck = play(which, {.row = row, .call = call, .error = error}).strikes;
  return strikes;
}

// What is tried again after such an error would never end if it met no other.
how for_long(int error) { return error == EINTR || error == EAGAIN || error == EACCES ? how::storm : how::from_now; }

// Nothing fails.
trial::counts count(const hooked_case& which) { return play(which, {.row = row_count}).calls; }

void play_all(std::span<const hooked_case> cases) {
  std::signal(SIGPIPE, SIG_IGN);
  weft::test::on_hang([](int fd) {
    dprintf(fd, "%s\n", played.c_str());
    weft::dump(fd);
  });
  for (const hooked_case& which : cases) {
    const auto calls = count(which);
    std::size_t strikes = 0;
    for (std::size_t row = 0; row < row_count; ++row) {
      if (calls[row] == 0) continue;
      for (const int error : table[row].errors) {
        if (error == 0) break;
        strikes += play_each(which, row, error);
        strikes += play(which, {.row = row, .call = 1, .error = error, .manner = for_long(error)}).strikes;
      }
    }
    const bool can_fail = !std::ranges::count(infallible, which.function);
    CHECK_MESSAGE((strikes > 0 || !can_fail), which.function, ": nothing fails beneath it");
  }
}

}  // namespace

TEST_CASE("each function of the hooks' table has a case, and each case a function") {
  std::set<std::string_view> with_case, hooked;
  for (const auto cases : all_cases) {
    for (const hooked_case& which : cases) with_case.insert(which.function);
  }
  for (const auto& row : weft::detail::hooks_table()) hooked.insert(row.name);
  for (const auto name : hooked) CHECK_MESSAGE(with_case.contains(name), name, " has no case");
  for (const auto name : with_case) CHECK_MESSAGE(hooked.contains(name), name, " is not hooked");
}

TEST_CASE("each function of the table of failures is called beneath some hooked call") {
  trial::counts calls{};
  for (const auto cases : all_cases) {
    for (const hooked_case& which : cases) {
      const auto more = count(which);
      for (std::size_t row = 0; row < row_count; ++row) calls[row] += more[row];
    }
  }
  for (std::size_t row = 0; row < row_count; ++row) CHECK_MESSAGE(calls[row] > 0, table[row].name, " is never called");
}

TEST_CASE("reads, writes and sleeps beneath which something fails") { play_all(cases_of_files); }
TEST_CASE("calls on sockets beneath which something fails") { play_all(cases_of_sockets); }
TEST_CASE("waits for several files beneath which something fails") { play_all(cases_of_several_files); }
TEST_CASE("calls of the blocking pool beneath which something fails") { play_all(cases_of_names); }
TEST_CASE("waits for children and locks beneath which something fails") { play_all(cases_of_children_and_locks); }
TEST_CASE("calls that make and close numbers, and fail") { play_all(cases_of_numbers); }

TEST_CASE("a write to a pipe that cannot be tried without blocking raises SIGPIPE, as any other") {
  static std::atomic<int> raised{0};
  auto* const before = std::signal(SIGPIPE, [](int) { raised.fetch_add(1); });
  weft::run(
      [] {
        weft::test::ends files = weft::test::make_pipe();
        files.in.close();
        arm({.row = index_of("pwritev2"), .error = EOPNOTSUPP, .manner = how::from_now});
        CHECK(::write(files.out, "x", 1) == -1);
        CHECK(errno == EPIPE);
        CHECK(strikes() == 1);
        disarm();
        while (raised == 0) std::this_thread::yield();  // by a thread that takes signals
      },
      {.workers = 1});
  std::signal(SIGPIPE, before);
}
