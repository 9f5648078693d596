// SPDX-License-Identifier: BSL-1.0
// A site to be crawled: a tree of a hundred pages, one dead link, and one page that never comes.
#pragma once

#include <cstdlib>
#include <string>
#include <weft/weft.hpp>

namespace http {

class little_site {
 public:
  little_site() : listener_(weft::net::address::parse("127.0.0.1:0")) {}

  [[nodiscard]] weft::net::address where() const { return listener_.local(); }
  // Until `close`.
  void serve() {
    weft::net::serve(listener_, [](weft::net::tcp_stream peer) {
      std::error_code gone;
      weft::net::buffered input(peer);
      const auto request = input.read_line(gone);
      if (!request) return;
      while (const auto field = input.read_line(gone))
        if (field->empty()) break;
      answer(peer, request->substr(0, request->rfind(' ')), gone);
    });
  }
  void close() { listener_.close(); }

 private:
  static constexpr int pages = 100;

  // The pages are 1 to 100; each links to its two children, to its parent, and to the start.
  static std::string text_of(int page) {
    std::string text = "<a href=\"/\">home</a>\n";
    for (const int other : {page * 2, page * 2 + 1, page / 2})
      if (other > 0 && other <= pages) text += "<a href=\"/" + std::to_string(other) + "\">further</a>\n";
    if (page == 17) text += "<a href=\"/nowhere\">dead</a> <a href=\"/slow\">slow</a>\n";
    return text;
  }

  static void answer(weft::net::tcp_stream& peer, const std::string& request, std::error_code& gone) {
    if (request == "GET /slow") {
      std::byte nothing[1];
      peer.read_some(nothing, gone);  // until the client has enough of it
      return;
    }
    int page = 0;
    if (request == "GET /")
      page = 1;
    else if (request.starts_with("GET /"))
      page = std::atoi(request.c_str() + 5);
    const bool known = page > 0 && page <= pages;
    const std::string body = known ? text_of(page) : "not here\n";
    peer.write_all(std::string("HTTP/1.1 ") + (known ? "200 OK" : "404 Not Found") +
                       "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                   gone);
  }

  weft::net::tcp_listener listener_;
};

}  // namespace http
