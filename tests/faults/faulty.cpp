// SPDX-License-Identifier: BSL-1.0
// Lives through everything that makes weft call something, while one call of it fails; with several calls given, through
// one life for each. A line says what came of it: "done", or "refused: " and the error; the exit status is 0 if nothing is
// wrong with that.
//
//   faulty count                                            the number of calls of each row
//   faulty ROW CALL[,CALL...] ERROR (once|from|storm|part)
#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <weft/weft.hpp>

#include "faults/life.hpp"
#include "faults/plan.hpp"
#include "faults/table.hpp"

namespace weft::faults {
namespace {

using namespace std::chrono_literals;

// Empty: all is done. Else the error; anything that is no named error ends the program.
std::string attempt() {
  try {
    live();
    return {};
  } catch (const exception_group& e) {
    for (const auto& one : e.exceptions()) {
      try {
        std::rethrow_exception(one);
      } catch (const std::system_error&) {
      } catch (const std::bad_alloc&) {
      }
    }
    return e.what();
  } catch (const std::system_error& e) {
    return e.what();
  } catch (const std::bad_alloc& e) {
    return e.what();
  }
}

std::size_t entries(const char* path) {
  std::size_t count = 0;
  DIR* const directory = opendir(path);
  while (directory && readdir(directory)) ++count;
  if (directory) closedir(directory);
  return count;
}

std::size_t mappings() {
  std::ifstream in("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) ++count;
  return count;
}

int complain(const char* what, std::size_t now, std::size_t before) {
  std::printf("%s: %zu, before %zu\n", what, now, before);
  return 1;
}

// Whether nothing is left of a life in which something failed.
int endure(const plan& what) {
  const std::size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
  std::printf("call %zu: ", what.call);
  std::fflush(stdout);
  arm(what);
  const std::string outcome = attempt();
  disarm();
  const std::size_t hits = strikes();
  if (const auto now = entries("/proc/self/fd"); now != descriptors) return complain("descriptors", now, descriptors);
  for (int looks = 0; entries("/proc/self/task") > threads; ++looks) {  // a joined thread may still be on its way out
    if (looks == 1000) return complain("threads", entries("/proc/self/task"), threads);
    std::this_thread::sleep_for(1ms);
  }
  if (const auto s = stats(); s.live_fibers + s.stacks_in_use + s.timers != 0)
    return complain("fibers", s.live_fibers, 0);
  if (what.row == index_of("unlink") || what.row == index_of("lstat64"))  // then the path could not go
    unlink(("/tmp/weft-faults-" + std::to_string(getpid())).c_str());
  std::printf("%s%s%s\n", hits ? "" : "not struck, ", outcome.empty() ? "done" : "refused: ", outcome.c_str());
  return 0;
}

// Whether the process is as good as new.
int recover() {
  if (const auto error = attempt(); !error.empty()) {
    std::printf("does not recover: %s\n", error.c_str());
    return 1;
  }
  const std::size_t mapped = mappings();
  if (const auto error = attempt(); !error.empty()) {
    std::printf("does not recover: %s\n", error.c_str());
    return 1;
  }
  if (const auto now = mappings(); now > mapped + 16) return complain("mappings", now, mapped);
  return 0;
}

int count() {
  arm({});
  const std::string error = attempt();
  disarm();
  for (std::size_t i = 0; i < row_count; ++i) std::printf("%s %zu\n", std::string(table[i].name).c_str(), calls_of(i));
  return error.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weft::faults

int main(int argc, char** argv) {
  using namespace weft::faults;
  if (argc == 2 && std::strcmp(argv[1], "count") == 0) return count();
  if (argc != 5) return 2;
  const std::string manner = argv[4];
  plan what{.row = index_of(argv[1]),
            .error = std::atoi(argv[3]),
            .manner = manner == "once"    ? how::once
                      : manner == "from"  ? how::from_now
                      : manner == "storm" ? how::storm
                                          : how::part};
  std::istringstream calls(argv[2]);
  for (std::string call; std::getline(calls, call, ',');) {
    what.call = std::stoull(call);
    if (const int bad = endure(what)) return bad;
  }
  return recover();
}
