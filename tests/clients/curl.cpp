// SPDX-License-Identifier: BSL-1.0
// libcurl, its easy interface, against nginx, which asks a server of this very worker for what is behind its gate.
#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <string>

#include "clients/company.hpp"
#include "hooks/files.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;
using weft::test::fd;

namespace {

std::string plain(const std::string& path, const std::string& host = "127.0.0.1") {
  return "http://" + host + ":" + words_of_server()[0] + path;
}
std::string secret(const std::string& path) { return "https://127.0.0.1:" + words_of_server()[1] + path; }

class download {
 public:
  download() : it_(curl_easy_init()) {
    REQUIRE(it_);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROXY, "*");
  }
  template <class Value> void set(CURLoption option, Value value) const {
    REQUIRE(curl_easy_setopt(it_.get(), option, value) == CURLE_OK);
  }
  CURLcode from(const std::string& url) {
    body.clear();
    set(CURLOPT_URL, url.c_str());
    return curl_easy_perform(it_.get());
  }
  [[nodiscard]] long new_connections() const {
    long count = -1;
    curl_easy_getinfo(it_.get(), CURLINFO_NUM_CONNECTS, &count);
    return count;
  }
  std::string body;

 private:
  static std::size_t take(char* data, std::size_t, std::size_t size, void* self) {
    static_cast<download*>(self)->body.append(data, size);
    return size;
  }
  struct end {
    void operator()(CURL* which) const { curl_easy_cleanup(which); }
  };
  std::unique_ptr<CURL, end> it_;
};

// What nginx asks behind its gate: plain calls of libc's on fibers. Nobody is answered before so many have asked.
class gate {
 public:
  explicit gate(int together) : together_(together), all_(together) {
    const std::string path = words_of_server()[2] + "/gate";
    ::unlink(path.c_str());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof at.sun_path);
    std::strcpy(at.sun_path, path.c_str());
    listener_ = fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener_, 1'000) == 0);
  }

  void serve_in(weft::scope& all) {
    all.spawn_daemon([this, &all] {
      for (int peer; (peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
        all.spawn([this, peer] { answer(fd(peer)); });
    });
  }
  int asked = 0;

 private:
  void answer(const fd& peer) {
    char request[4096];
    std::size_t size = 0;
    while (size < 4 || std::memcmp(request + size - 4, "\r\n\r\n", 4) != 0) {
      const ssize_t got = ::read(peer, request + size, sizeof request - size);
      if (got <= 0) return;
      size += std::size_t(got);
    }
    if (++asked <= together_) all_.arrive_and_wait();
    constexpr std::string_view text = "HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\nall are here";
    CHECK(::write(peer, text.data(), text.size()) == ssize_t(text.size()));
  }

  const int together_;
  fd listener_;
  weft::latch all_;
};

struct library {
  library() {
    std::signal(SIGPIPE, SIG_IGN);  // with CURLOPT_NOSIGNAL that is the program's to do
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }
  ~library() { curl_global_cleanup(); }
};

}  // namespace

TEST_CASE("a hundred downloads on one worker that are answered only when all have asked") {
  const library all;
  on_one_worker([] {
    constexpr int count = 100;
    gate behind(count);
    weft::with_scope([&](weft::scope& servers) {
      behind.serve_in(servers);
      by_each(count, [&](int) {
        download d;
        CHECK(d.from(plain("/gate")) == CURLE_OK);
        CHECK(d.body == "all are here");
      });
      servers.cancel();
    });
    CHECK(behind.asked == count);
  });
}

TEST_CASE("downloads by connections that are kept, with a name for the host") {
  const library all;
  on_one_worker([] {
    by_each(20, [&](int) {
      download d;
      for (int i = 0; i < 5; ++i) {
        CHECK(d.from(plain(i % 2 ? "/large" : "/small", "localhost")) == CURLE_OK);
        CHECK(d.body.size() == (i % 2 ? 2'000'000 : 1024));
        CHECK(d.new_connections() == (i == 0 ? 1 : 0));
      }
    });
  });
}

TEST_CASE("downloads by TLS, from a server whose certificate is its own") {
  const library all;
  const std::string certificate = words_of_server()[2] + "/certificate.pem";
  on_one_worker([&] {
    by_each(20, [&](int i) {
      download d;
      if (i % 2) d.set(CURLOPT_CAINFO, certificate.c_str());
      for (int n = 0; n < 3; ++n) {
        CHECK(d.from(secret("/large")) == (i % 2 ? CURLE_OK : CURLE_PEER_FAILED_VERIFICATION));
        CHECK(d.body.size() == (i % 2 ? 2'000'000 : 0));
      }
    });
  });
}

TEST_CASE("a timeout of libcurl's own, and a deadline") {
  const library all;
  on_one_worker([] {
    gate behind(1'000'000);  // so many never ask
    weft::with_scope([&](weft::scope& servers) {
      behind.serve_in(servers);
      download d;
      d.set(CURLOPT_TIMEOUT_MS, 50L);
      CHECK(d.from(plain("/gate")) == CURLE_OPERATION_TIMEDOUT);
      d.set(CURLOPT_TIMEOUT_MS, 0L);
      CHECK_THROWS_AS(weft::with_timeout(50ms,
                                         [&] {
                                           CHECK(d.from(plain("/gate")) != CURLE_OK);
                                           weft::this_fiber::check_cancelled();
                                         }),
                      weft::timed_out);
      CHECK(d.from(plain("/small")) == CURLE_OK);
      servers.cancel();
    });
  });
}

TEST_CASE("libcurl finds nobody") {
  const library all;
  on_one_worker([] {
    download d;
    CHECK(d.from("http://127.0.0.1:1/") == CURLE_COULDNT_CONNECT);
  });
}
