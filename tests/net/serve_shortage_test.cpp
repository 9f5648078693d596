// SPDX-License-Identifier: BSL-1.0
// serve: more connections than there are stacks for.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "net/serving.hpp"
#include "support/alone.hpp"

using namespace weft::test;
using namespace weft::net;

TEST_CASE("alone: more connections than stacks" * doctest::skip()) {
  weft::run(
      [] {
        tcp_listener listener(any_port());
        std::vector<tcp_stream> clients(100);
        for (auto& c : clients) c = tcp_stream::connect(listener.local());
        auto server = weft::spawn([&] { serve(listener, echo); });
        const auto pauses = [] {
          char text[32'768] = {};
          const int file = ::memfd_create("dump", MFD_CLOEXEC);
          weft::dump(file);
          CHECK(::pread(file, text, sizeof text - 1, 0) > 0);
          ::close(file);
          return contains(text, " waits for connections to end");
        };
        while (!pauses()) weft::this_fiber::yield();
        for (auto& c : clients) c.write_all("x");
        // Whoever has an answer goes, and leaves a stack to another one.
        for (std::size_t left = clients.size(); left > 0; weft::this_fiber::yield()) {
          for (auto& c : clients) {
            std::byte answer[1];
            std::error_code ec;
            if (!c.is_open() || (c.try_read_some(answer, ec) == 0 && ec == std::errc::operation_would_block)) continue;
            CHECK_FALSE(ec);
            CHECK(answer[0] == std::byte('x'));
            c.close();
            --left;
          }
        }
        listener.close();
        server.join();
      },
      {.workers = 1});
}

TEST_CASE("a connection that was accepted waits for its fiber while there is no stack, and none is lost") {
  const auto end = run_alone("alone: more connections than stacks", {"WEFT_DEBUG=guards=mprotect,mappings=80"});
  CHECK(end.status == 0);
  CHECK(end.how_often("weft: starting a fiber for a connection: out of memory; trying again\n") == 1);
}
