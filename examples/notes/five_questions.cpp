// SPDX-License-Identifier: BSL-1.0
// Two who ask a server at once, and are answered when both have asked: on which thread each step is, and whether any was
// started for it. docs/stackful-vs-stackless.md reads the answers off it.
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

const auto any_port = weft::net::address::parse("127.0.0.1:0");
constexpr int askers = 2;

std::thread::id first;

void trace(const char* what) {
  std::printf("%-10s %s\n", what, std::this_thread::get_id() == first ? "on the same thread" : "elsewhere");
}
auto threads() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return std::distance(begin(all), end(all));
}

namespace stackless {

using namespace weft::stackless;

task<> answer(stream_reader reader, stream_writer writer, int& asked, event& all_asked) {
  const std::string line = co_await reader.readline();
  if (++asked == askers) {
    trace("all wait");
    all_asked.set();
  }
  co_await all_asked.wait();
  writer.write(line);
  co_await writer.drain();
  writer.close();
}

task<> ask(weft::net::address server) {
  auto [reader, writer] = co_await open_connection(server);
  trace("connected");
  writer.write("hello\n");
  const std::string line = co_await reader.readline();
  trace("heard");
  writer.close();
}

task<> talk() {
  first = std::this_thread::get_id();
  const auto before = threads();
  int asked = 0;
  event all_asked;
  auto answers = [&](stream_reader r, stream_writer w) { return answer(std::move(r), std::move(w), asked, all_asked); };
  auto serving = co_await start_server(answers, any_port);
  co_await gather(ask(serving.local()), ask(serving.local()));
  std::printf("%d threads more\n", int(threads() - before));
  serving.close();
  co_await serving.wait_closed();
}

}  // namespace stackless

namespace fibers {

void answer(weft::net::tcp_stream stream, int& asked, weft::event& all_asked) {
  weft::net::buffered connection(stream);
  const auto line = connection.read_line();
  if (++asked == askers) {
    trace("all wait");
    all_asked.set();
  }
  all_asked.wait();
  stream.write_all(*line + "\n");
}

void ask(const weft::net::address& server) {
  auto stream = weft::net::tcp_stream::connect(server);
  trace("connected");
  stream.write_all("hello\n");
  weft::net::buffered connection(stream);
  (void)connection.read_line();
  trace("heard");
}

void talk() {
  first = std::this_thread::get_id();
  const auto before = threads();
  int asked = 0;
  weft::event all_asked;
  weft::net::tcp_listener listener(any_port);
  weft::with_scope([&](weft::scope& all) {
    for (int i = 0; i < askers; ++i) {
      all.spawn([&] { answer(listener.accept(), asked, all_asked); });
      all.spawn([&] { ask(listener.local()); });
    }
  });
  std::printf("%d threads more\n", int(threads() - before));
}

}  // namespace fibers

}  // namespace

int main() {
  std::puts("tasks");
  stackless::event_loop().run_until_complete(stackless::talk());
  std::puts("fibers");
  weft::run([] { fibers::talk(); }, {.workers = 1});
}
