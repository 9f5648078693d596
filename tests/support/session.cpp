// SPDX-License-Identifier: BSL-1.0
// Watchdog, leak check and log of a test program.
#include "support/session.hpp"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "support/scale.hpp"

namespace weft::test {
namespace {

using clock = std::chrono::steady_clock;

struct leak_check {
  std::string what;
  std::function<long()> count;
  long before = 0;
};

struct state {
  std::mutex mutex;
  std::condition_variable changed;
  std::string name;  // the running test case; empty between two
  clock::time_point since;
  bool stopping = false;
  std::function<void(int)> dump;

  // Main thread only.
  std::vector<leak_check> leak_checks;
  std::map<int, std::string> descriptors;
  std::string skipped;
  bool leaked = false;
  std::FILE* log = nullptr;
  std::thread watchdog;
};

// Built at first use: other files register with it while they are initialised.
state& the() {
  static state one;
  return one;
}

template <class... Args> void log(const char* format, Args... args) {
  if (the().log == nullptr) return;
  std::fprintf(the().log, format, args...);
  std::fflush(the().log);  // what was logged must survive a crash
}

// Open descriptors and what they are.
std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return found;
  while (const dirent* entry = readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(directory)) continue;
    char target[256];
    const auto length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target);
    found[fd] = std::string(target, length > 0 ? std::size_t(length) : 0);
  }
  closedir(directory);
  return found;
}

void report_leak(const std::string& what) {
  the().leaked = true;
  std::fprintf(stderr, "LEAK in \"%s\": %s\n", the().name.c_str(), what.c_str());
  log("leak %s\n", what.c_str());
}

void watch() {
  const auto allowed = std::chrono::seconds(from_environment("WEFT_TEST_TIMEOUT", 200));
  std::unique_lock lock(the().mutex);
  while (!the().stopping) {
    if (the().name.empty()) {
      the().changed.wait(lock);
    } else if (the().changed.wait_until(lock, the().since + allowed) == std::cv_status::timeout &&
               !the().name.empty() && clock::now() >= the().since + allowed) {
      std::fprintf(stderr, "HANG: \"%s\" takes longer than %lld s\n", the().name.c_str(),
                   static_cast<long long>(allowed.count()));
      if (the().dump) the().dump(STDERR_FILENO);
      std::abort();
    }
  }
}

}  // namespace

void on_hang(std::function<void(int fd)> dump) {
  std::lock_guard lock(the().mutex);
  the().dump = std::move(dump);
}

void on_leak_check(std::string what, std::function<long()> count) {
  the().leak_checks.push_back({std::move(what), std::move(count)});
}

void skip(std::string_view why) { the().skipped = why; }

session::session() {
  if (const char* path = std::getenv("WEFT_TEST_LOG")) the().log = std::fopen(path, "we");
  unsetenv("WEFT_TEST_LOG");  // a test may start its own program anew, which must not write over it
  // The watchdog takes no signal that a test sends to its process.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  the().watchdog = std::thread(watch);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

session::~session() {
  {
    std::lock_guard lock(the().mutex);
    the().stopping = true;
  }
  the().changed.notify_all();
  the().watchdog.join();
  if (the().log != nullptr) std::fclose(the().log);
}

void session::begin(std::string_view name) {
  the().skipped.clear();
  the().descriptors = open_descriptors();
  for (auto& check : the().leak_checks) check.before = check.count();
  std::lock_guard lock(the().mutex);
  the().name = name;
  the().since = clock::now();
  the().changed.notify_all();
  log("start %s\n", the().name.c_str());
}

void session::end(bool passed) {
  const auto now = open_descriptors();
  for (const auto& [fd, target] : now)
    if (!the().descriptors.contains(fd)) report_leak("descriptor " + std::to_string(fd) + ", " + target);
  for (const auto& check : the().leak_checks)
    if (const long after = check.count(); after != check.before)
      report_leak(check.what + ", " + std::to_string(check.before) + " before, " + std::to_string(after) + " after");

  if (!the().skipped.empty()) std::printf("SKIPPED \"%s\": %s\n", the().name.c_str(), the().skipped.c_str());
  const std::chrono::duration<double> took = clock::now() - the().since;
  log("%s %.3f %s\n", !passed ? "fail" : the().skipped.empty() ? "pass" : "skip", took.count(), the().name.c_str());
  std::lock_guard lock(the().mutex);
  the().name.clear();
}

bool session::leaked() const { return the().leaked; }

}  // namespace weft::test
