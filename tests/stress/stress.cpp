// SPDX-License-Identifier: BSL-1.0
// Stress: random fibers in runtimes that come and go, for as long as asked. The last line is `N passed, N failed`.
//
//   stress [--seconds=N] [--seed=N]        WEFT_WORKERS: the most workers of a runtime
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "stress/actor.hpp"
#include "stress/rules.hpp"
#include "stress/world.hpp"
#include "support/scale.hpp"

namespace weft::stress {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = test::active_sanitizer == test::sanitizer::none ? 15s : 60s;  // with the end of a runtime

std::atomic<clock::rep> last_sign_of_life{0};

void be_alive() { last_sign_of_life.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed); }

// One runtime, from its start to its end.
void live(board& everybody, std::uint64_t seed, clock::time_point end) {
  rng random(seed);
  options with;
  with.workers = random.one_in(3) ? 1 + unsigned(random.below(test::workers())) : test::workers();
  with.workers = std::min(with.workers, 64u);
  with.movable = random.one_in(3);
  with.hog_threshold = 0ns;  // this machine may be busy
  with.stack_size = random.one_in(3) ? 128 << 10 : options::default_stack_size;
  world w{.everybody = everybody, .movable = with.movable, .workers = with.workers, .end = {}};
  w.end = std::min(end, clock::now() + std::chrono::milliseconds(20 + random.below(400)));
  w.budget = long(std::min<std::size_t>(test::max_live_fibers() / 16, 4'000));
  with.on_unhandled = [&w](const std::exception_ptr& error, const fiber_ref&) { w.see(error); };

  runtime of(with);
  w.of = &of;
  std::vector<std::thread> visitors;
  for (auto n = random.below(3); n > 0; --n) visitors.emplace_back(visit, std::ref(w), random());
  const auto founder = [&w](std::uint64_t own) {
    rng mine(own);
    while (!w.is_over()) {
      try {
        static_cast<void>(act(w, {.seed = mine(), .depth = 0, .sticky = false}));
      } catch (const cancelled&) {
        must.unplanned(false);  // nobody has a reference to this one
      }
      this_fiber::yield();
    }
  };
  std::vector<fiber<>> founders;
  for (auto n = 2 + random.below(10); n > 0; --n) {
    founders.push_back(of.spawn([founder, own = random()] { founder(own); }));
    w.spawned.fetch_add(1, std::memory_order_relaxed);
  }
  for (auto& v : visitors) v.join();
  for (auto& f : founders) f.join();
  of.shutdown();
  const stats_snapshot last = of.stats();
  must.fibers.equal(last.live_fibers, 0);
  must.fibers.equal(last.spawned, w.spawned.load());
  must.stacks.equal(last.stacks_in_use, 0);
  must.errors.equal(w.seen.load(), w.thrown.load());
  be_alive();
}

// Cancels whom it finds and asks for the state of things, while all goes on.
void meddle(board& everybody, std::uint64_t seed, clock::time_point end) {
  rng random(seed);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  while (clock::now() < end) {
    everybody.pick(random).cancel();
    static_cast<void>(everybody.pick(random).done());
    static_cast<void>(everybody.pick(random).name());
    if (random.one_in(200)) static_cast<void>(stats());
    if (random.one_in(2'000)) dump(nowhere);
    std::this_thread::sleep_for(random.up_to(300us));
  }
  close(nowhere);
}

void watch(const std::atomic<bool>& done) {
  while (!done.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(100ms);
    const clock::duration quiet = clock::now().time_since_epoch() - clock::duration(last_sign_of_life.load());
    if (quiet < patience) continue;
    std::fprintf(stderr, "HANG: no runtime has ended for %lld s\n",
                 static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(quiet).count()));
    dump(STDERR_FILENO);
    std::abort();
  }
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const directory = opendir("/proc/self/fd");
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

// Generations of two to three runtimes at once, with somebody who meddles with all of them.
void stress(std::uint64_t seed, std::chrono::seconds how_long) {
  const auto end = clock::now() + how_long;
  const std::size_t descriptors = open_descriptors();
  std::size_t mapped = 0;
  board everybody;
  rng random(seed);
  for (unsigned generation = 0; clock::now() < end; ++generation) {
    std::vector<std::thread> threads;
    const auto until = std::min(end, clock::now() + 500ms);
    for (auto n = 1 + random.below(3); n > 0; --n)
      threads.emplace_back([&, own = random()] { live(everybody, own, until); });
    threads.emplace_back([&, own = random()] { meddle(everybody, own, until); });
    for (auto& t : threads) t.join();
    must.descriptors.equal(open_descriptors(), descriptors);
    must.tokens.equal(std::uint64_t(token::count()), 0);
    if (generation == 3) mapped = mappings();
  }
  // Malloc's arenas and spare slabs stay, and come to rest in the first generations.
  if (mapped) must.mappings(mappings() < mapped + 300, long(mappings()), long(mapped));
}

bool option(std::string_view argument, std::string_view name, std::uint64_t& value) {
  if (!argument.starts_with(name)) return false;
  const char* const begin = argument.data() + name.size();
  const char* const end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(begin, end, value);
  return error == std::errc() && rest == end;
}

int summary() {
  unsigned passed = 0, failed = 0;
  for (const rule* r : rule::all()) {
    const bool good = r->broken == 0;
    std::printf("%-4s %12llu  %s\n",
                !good        ? "FAIL"
                : r->checked ? "ok"
                             : "-",
                static_cast<unsigned long long>(r->checked.load()), r->says);
    if (!good) ++failed;
    if (good && r->checked) ++passed;
  }
  std::printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace weft::stress

int main(int argc, char** argv) {
  using namespace weft::stress;
  std::uint64_t seed = std::random_device{}(), seconds = 5;
  for (int i = 1; i < argc; ++i) {
    if (option(argv[i], "--seed=", seed) || option(argv[i], "--seconds=", seconds)) continue;
    std::fprintf(stderr, "usage: %s [--seconds=N] [--seed=N]\n", argv[0]);
    return 2;
  }
  std::printf("seed %llu, %llu s\n", static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seconds));
  std::fflush(stdout);
  be_alive();
  std::atomic<bool> done{false};
  std::thread watchdog([&] { watch(done); });
  stress(seed, std::chrono::seconds(seconds));
  done = true;
  watchdog.join();
  return summary();
}
