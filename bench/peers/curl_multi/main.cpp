// SPDX-License-Identifier: BSL-1.0
// curl_multi_peer URL: the question of bench/curl_hooked.cpp asked of libcurl's multi interface, in both of its forms:
// the one that programs with many connections use, in which the program watches the sockets (by epoll), and the simple
// one.
#include "../../support/downloads.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace {

using bench::download;

class multi {
 public:
  explicit multi(const std::string& url) {
    for (int i = 0; i < download::at_once; ++i) all_.push_back(std::make_unique<download>(url));
  }
  multi(const multi&) = delete;
  multi& operator=(const multi&) = delete;
  ~multi() {
    all_.clear();
    curl_multi_cleanup(it_);
  }

  [[nodiscard]] CURLM* handle() const { return it_; }
  [[nodiscard]] bool is_done() const { return running_ == 0; }

  void begin() {
    for (const auto& each : all_) add(*each);
    running_ = download::at_once;
  }

  // Looks at what has ended, and begins what comes next.
  void go_on() {
    int more = 0;
    while (const CURLMsg* const message = curl_multi_info_read(it_, &more)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      const CURLcode how = message->data.result;  // not there any more once the handle is removed
      download* which = nullptr;
      curl_easy_getinfo(handle, CURLINFO_PRIVATE, &which);
      curl_multi_remove_handle(it_, handle);
      if (which->ended(how))
        add(*which);
      else
        --running_;
    }
  }

 private:
  void add(const download& which) {
    bench::expect(curl_multi_add_handle(it_, which.handle()) == CURLM_OK, "curl_multi_add_handle");
  }

  CURLM* it_ = curl_multi_init();
  std::vector<std::unique_ptr<download>> all_;
  int running_ = 0;
};

// Tells libcurl which of its sockets is ready, and when its time has come.
class event_loop {
 public:
  event_loop() { bench::expect(epoll_ >= 0, "epoll_create1"); }
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  ~event_loop() { close(epoll_); }

  // Must outlive it.
  void serve(CURLM* which) {
    of_ = which;
    curl_multi_setopt(of_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(of_, CURLMOPT_SOCKETFUNCTION, &watch);
    curl_multi_setopt(of_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(of_, CURLMOPT_TIMERFUNCTION, &set_timer);
  }

  void turn() {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, milliseconds_left());
    for (int i = 0; i < count; ++i) {
      const auto seen = events[i].events;
      act(events[i].data.fd, (seen & EPOLLIN ? CURL_CSELECT_IN : 0) | (seen & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                 (seen & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
    }
    if (timer_ && *timer_ <= clock::now()) {
      timer_.reset();
      act(CURL_SOCKET_TIMEOUT, 0);
    }
  }

 private:
  using clock = std::chrono::steady_clock;

  void act(curl_socket_t on, int events) {
    int running = 0;
    bench::expect(curl_multi_socket_action(of_, on, events, &running) == CURLM_OK, "curl_multi_socket_action");
  }

  // -1: no timer is set.
  [[nodiscard]] int milliseconds_left() const {
    if (!timer_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*timer_ - clock::now()).count();
    return left > 0 ? int(left) : 0;
  }

  static int watch(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& loop = *static_cast<event_loop*>(self);
    epoll_event event{};
    event.data.fd = fd;
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(loop.epoll_, EPOLL_CTL_DEL, fd, &event);  // refused where it is closed already
    } else {
      bench::expect(epoll_ctl(loop.epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
      if (!known) curl_multi_assign(loop.of_, fd, self);
    }
    return 0;
  }

  static int set_timer(CURLM*, long milliseconds, void* self) {
    auto& timer = static_cast<event_loop*>(self)->timer_;
    timer.reset();
    if (milliseconds >= 0) timer = clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  CURLM* of_ = nullptr;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::optional<clock::time_point> timer_;
};

bench::cost by_sockets(const std::string& url) {
  const bench::meter meter;
  {
    event_loop loop;
    multi all(url);
    loop.serve(all.handle());
    all.begin();
    while (!all.is_done()) {
      loop.turn();
      all.go_on();
    }
  }
  return meter.so_far();
}

bench::cost by_polling(const std::string& url) {
  const bench::meter meter;
  {
    multi all(url);
    all.begin();
    for (;;) {
      int running = 0;
      bench::expect(curl_multi_perform(all.handle(), &running) == CURLM_OK, "curl_multi_perform");
      all.go_on();
      if (all.is_done()) break;
      bench::expect(curl_multi_poll(all.handle(), nullptr, 0, 1000, nullptr) == CURLM_OK, "curl_multi_poll");
    }
  }
  return meter.so_far();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string url = bench::url_argument(argc, argv);
  bench::measure_downloads("curl_multi", [&] { return by_sockets(url); });
  bench::measure_downloads("curl_poll", [&] { return by_polling(url); });
}
