// SPDX-License-Identifier: BSL-1.0
// crawler [PORT [PATIENCE]]: fetches all that hangs together on an HTTP server of this machine. Eight fetchers, but never
// more than three requests at once, because that is polite; a page that does not come within so many milliseconds, 500 if
// not said, is given up. Without a port, or with 0, it crawls a little site of its own.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "http/little_site.hpp"

namespace {

using weft::on_receive;
using weft::on_send;

struct page {
  enum { fetched, not_found, too_slow, broken } how = broken;
  std::vector<std::string> links;
};

// Everything between href=" and the next ".
std::vector<std::string> links_of(std::string_view text) {
  constexpr std::string_view begin = "href=\"";
  std::vector<std::string> found;
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    found.emplace_back(text.substr(at, text.find('"', at) - at));
  }
  return found;
}

page fetch(const weft::net::address& from, const std::string& path, std::chrono::milliseconds at_most) {
  try {
    const weft::deadline patience(at_most);
    auto server = weft::net::tcp_stream::connect(from, patience);
    server.write_all("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", patience);
    weft::net::buffered input(server, 1 << 20);
    const auto status = input.read_line(patience);
    if (!status || !status->starts_with("HTTP/1.1 ")) return {};
    if (status->substr(9, 3) == "404") return {page::not_found, {}};
    if (status->substr(9, 3) != "200") return {};
    std::string text;
    while (const auto next = input.read_line(patience)) text += *next + '\n';
    return {page::fetched, links_of(text)};
  } catch (const std::system_error& error) {
    return {error.code() == std::errc::timed_out ? page::too_slow : page::broken, {}};
  }
}

// So many at once, no more.
class politeness {
 public:
  explicit politeness(int limit) : free_(limit) {}
  template <class F> auto keep(F&& action) {
    free_.acquire();
    const struct turn {
      politeness& of;
      explicit turn(politeness& p) : of(p) {
        const int now = ++of.at_once_;
        for (int seen = of.most_; seen < now && !of.most_.compare_exchange_weak(seen, now);) {
        }
      }
      ~turn() {
        --of.at_once_;
        of.free_.release();
      }
    } mine(*this);
    return action();
  }
  [[nodiscard]] int most_at_once() const { return most_; }

 private:
  weft::semaphore free_;
  std::atomic<int> at_once_{0}, most_{0};
};

struct tally {
  int pages[4] = {};
  int most_at_once = 0;
};

tally crawl(const weft::net::address& from, std::chrono::milliseconds patience) {
  tally result;
  politeness limit(3);
  weft::channel<std::string> wanted;
  weft::channel<page> found;
  weft::wait_group outstanding;  // pages that are known and not yet done
  weft::with_scope([&](weft::scope& s) {
    for (int i = 0; i < 8; ++i) {
      s.spawn([&] {
        for (const auto& path : wanted) found.send(limit.keep([&] { return fetch(from, path, patience); }));
      });
    }
    std::set<std::string> known{"/"};
    std::deque<std::string> queue{"/"};
    outstanding.add();
    s.spawn([&] {
      outstanding.wait();
      found.close();
    });
    bool over = false;
    const auto note = [&](std::optional<page> p) {
      if (!p) {
        over = true;
        return;
      }
      ++result.pages[p->how];
      for (auto& link : p->links) {
        if (!known.insert(link).second) continue;
        outstanding.add();
        queue.push_back(std::move(link));
      }
      outstanding.done();
    };
    while (!over) {
      if (queue.empty())
        weft::select(on_receive(found, note));
      else
        weft::select(on_receive(found, note), on_send(wanted, queue.front(), [&] { queue.pop_front(); }));
    }
    wanted.close();
  });
  result.most_at_once = limit.most_at_once();
  return result;
}

void report(const tally& t) {
  std::printf("%d pages, %d not found, %d too slow, %d broken; %d requests at once at most\n", t.pages[page::fetched],
              t.pages[page::not_found], t.pages[page::too_slow], t.pages[page::broken], t.most_at_once);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string port = argc > 1 ? argv[1] : "0";
  const std::chrono::milliseconds patience(argc > 2 ? std::atoi(argv[2]) : 500);
  weft::run([&] {
    if (port != "0") {
      report(crawl(weft::net::address::parse("127.0.0.1:" + port), patience));
      return;
    }
    http::little_site site;
    auto serving = weft::spawn([&] { site.serve(); });
    report(crawl(site.where(), patience));
    site.close();
    serving.join();
  });
} catch (const std::exception& error) {
  std::fprintf(stderr, "crawler: %s\n", error.what());
  return 1;
}
