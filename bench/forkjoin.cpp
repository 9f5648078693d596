// SPDX-License-Identifier: BSL-1.0
// forkjoin [WORKERS]: what does a call of a recursion cost in which each call is a fiber? fib(27), two children a call, and
// skynet, ten children a node and a million leaves; the same with tasks; against C++20 coroutines, last in first out, in
// the same process.
#include "support/coroutine.hpp"
#include "support/report.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr int fib_of = 27;
constexpr long fib_result = 196'418, fib_calls = 635'621;
constexpr long leaves = 1'000'000, skynet_result = leaves * (leaves - 1) / 2, skynet_calls = 1'111'111;

long fib(int n) {
  if (n < 2) return n;
  auto a = weft::spawn([n] { return fib(n - 1); });
  auto b = weft::spawn([n] { return fib(n - 2); });
  return a.join() + b.join();
}

long skynet(long first, long size) {
  if (size == 1) return first;
  auto children = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{
        weft::spawn([first, part = size / 10] { return skynet(first + static_cast<long>(I) * part, part); })...};
  }
  (std::make_index_sequence<10>());
  long sum = 0;
  for (auto& child : children) sum += child.join();
  return sum;
}

namespace stackless = weft::stackless;

stackless::task<long> task_fib(int n) {
  if (n < 2) co_return n;
  auto a = stackless::create_task(task_fib(n - 1));
  auto b = stackless::create_task(task_fib(n - 2));
  const long x = co_await a, y = co_await b;
  co_return x + y;
}

stackless::task<long> task_skynet(long first, long size) {
  if (size == 1) co_return first;
  auto children = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{stackless::create_task(task_skynet(first + static_cast<long>(I) * (size / 10), size / 10))...};
  }
  (std::make_index_sequence<10>());
  long sum = 0;
  for (auto& child : children) sum += co_await child;
  co_return sum;
}

bench::floor::forked floor_fib(int n) {
  if (n < 2) co_return n;
  auto a = floor_fib(n - 1);
  auto b = floor_fib(n - 2);
  const long x = co_await a, y = co_await b;
  co_return x + y;
}

bench::floor::forked floor_skynet(long first, long size) {
  if (size == 1) co_return first;
  auto children = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{floor_skynet(first + static_cast<long>(I) * (size / 10), size / 10)...};
  }
  (std::make_index_sequence<10>());
  long sum = 0;
  for (auto& child : children) sum += co_await child;
  co_return sum;
}

template <class F> double per_call(long calls, long result, F&& f) {
  const bench::stopwatch watch;
  bench::expect(f() == result, "the result is wrong");
  return watch.nanoseconds() / static_cast<double>(calls);
}

template <class F> double on_fibers(unsigned workers, long calls, long result, F f) {
  weft::options some;
  some.workers = workers;
  return weft::run([&] { return per_call(calls, result, f); }, some);
}

double on_tasks(unsigned workers, long calls, long result, stackless::task<long> whole) {
  weft::options some;
  some.workers = workers;
  return per_call(calls, result, [&] { return stackless::run(std::move(whole), some); });
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned workers = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 1;
  std::vector<double> fibs, skynets, task_fibs, task_skynets, floor_fibs, floor_skynets;
  for (int i = 0; i < bench::repeats; ++i) {
    fibs.push_back(on_fibers(workers, fib_calls, fib_result, [] { return fib(fib_of); }));
    skynets.push_back(on_fibers(workers, skynet_calls, skynet_result, [] { return skynet(0, leaves); }));
    task_fibs.push_back(on_tasks(workers, fib_calls, fib_result, task_fib(fib_of)));
    task_skynets.push_back(on_tasks(workers, skynet_calls, skynet_result, task_skynet(0, leaves)));
    if (workers > 1) continue;
    floor_fibs.push_back(per_call(fib_calls, fib_result, [] { return floor_fib(fib_of).run(); }));
    floor_skynets.push_back(per_call(skynet_calls, skynet_result, [] { return floor_skynet(0, leaves).run(); }));
  }
  const std::string mark = workers > 1 ? "-" + std::to_string(workers) : "";
  bench::report("forkjoin/fib", "weft" + mark, "ns", fibs);
  bench::report("forkjoin/skynet", "weft" + mark, "ns", skynets);
  bench::report("forkjoin/fib", "stackless" + mark, "ns", task_fibs);
  bench::report("forkjoin/skynet", "stackless" + mark, "ns", task_skynets);
  if (workers > 1) return 0;
  bench::report("forkjoin/fib", "cxx20", "ns", floor_fibs);
  bench::report("forkjoin/skynet", "cxx20", "ns", floor_skynets);
}
