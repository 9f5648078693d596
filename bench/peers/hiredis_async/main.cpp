// SPDX-License-Identifier: BSL-1.0
// hiredis_async_peer HOST PORT: the question of bench/redis_hooked.cpp asked of hiredis' asynchronous interface, on a
// loop of epoll_wait(2) and nothing else.
//
// The adapter makes no call of epoll's for a command. A connection is registered once, for input. What a turn of the
// loop has to say is written at its end, without asking first whether it will be taken; only what was not taken waits
// for EPOLLOUT. (The adapters that come with hiredis ask for EPOLLOUT and take that back for each command: two calls
// more.)
#include "../../support/costs.hpp"
#include "../../support/redis_gets.hpp"

#include <hiredis/async.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

namespace {

using namespace bench::redis;

class client;

class event_loop {
 public:
  event_loop() { bench::expect(epoll_ >= 0, "epoll_create1"); }
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  ~event_loop() { close(epoll_); }

  void watch(int operation, int fd, std::uint32_t events, client* whose) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = whose;
    bench::expect(epoll_ctl(epoll_, operation, fd, &event) == 0, "epoll_ctl");
  }
  void write_soon(client* whose) { writers_.push_back(whose); }

  // Until `busy` is 0.
  void run(const int& busy);

 private:
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<client*> writers_;
};

// A connection and its place on the loop.
class client {
 public:
  client(event_loop& on, const bench::redis_address& to, int& busy)
      : loop_(&on), busy_(&busy), context_(redisAsyncConnect(to.host, to.port)) {
    bench::expect(context_ && !context_->err, context_ ? context_->errstr : "no memory");
    on.watch(EPOLL_CTL_ADD, context_->c.fd, EPOLLIN, this);
    const auto nothing = [](void*) {};
    auto& asks = context_->ev;
    asks.data = this;
    asks.addRead = asks.delRead = asks.cleanup = nothing;
    asks.addWrite = [](void* self) { static_cast<client*>(self)->wants_to_write(); };
    asks.delWrite = [](void* self) { static_cast<client*>(self)->has_written(); };
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { redisAsyncFree(context_); }

  // Begins.
  void get(int times) {
    left_ = times;
    ++*busy_;
    ask();
  }

  void write() {
    redisAsyncHandleWrite(context_);
    if (has_more_ && !awaits_room_) await_room(true);
  }
  void handle(std::uint32_t events) {
    if (events & ~std::uint32_t(EPOLLOUT)) redisAsyncHandleRead(context_);
    if (events & EPOLLOUT) redisAsyncHandleWrite(context_);
  }

 private:
  void ask() {
    const int done = redisAsyncCommand(
        context_, [](redisAsyncContext*, void* reply, void* self) { static_cast<client*>(self)->answered(reply); },
        this, command);
    bench::expect(done == REDIS_OK, "redisAsyncCommand");
  }
  void answered(const void* reply) {
    expect_value(reply);
    if (--left_ > 0)
      ask();
    else
      --*busy_;
  }

  void wants_to_write() {
    if (!std::exchange(has_more_, true)) loop_->write_soon(this);
  }
  void has_written() {
    has_more_ = false;
    if (awaits_room_) await_room(false);
  }
  void await_room(bool awaits) {
    awaits_room_ = awaits;
    loop_->watch(EPOLL_CTL_MOD, context_->c.fd, awaits ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
  }

  event_loop* loop_;
  int* busy_;
  redisAsyncContext* context_;
  int left_ = 0;
  bool has_more_ = false;     // hiredis has something to write
  bool awaits_room_ = false;  // and it waits for EPOLLOUT
};

void event_loop::run(const int& busy) {
  for (;;) {
    for (client* const c : std::exchange(writers_, {})) c->write();
    if (busy == 0) return;
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, -1);
    for (int i = 0; i < count; ++i) static_cast<client*>(events[i].data.ptr)->handle(events[i].events);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto at = bench::redis_argument(argc, argv);
  connection(at).set();
  event_loop loop;
  int busy = 0;
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < connections; ++i) all.push_back(std::make_unique<client>(loop, at, busy));
  const auto get = [&](int times) {
    const bench::meter meter;
    for (const auto& c : all) c->get(times);
    loop.run(busy);
    return meter.so_far();
  };
  get(1);
  bench::costs found(double(connections) * gets);
  for (int i = 0; i < bench::repeats; ++i) found.add(get(gets));
  found.report_as("redis/get", "hiredis_async");
}
