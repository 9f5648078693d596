// SPDX-License-Identifier: BSL-1.0
// The hello server on libuv; it parses by the code of examples/http.
#include "../../../examples/http/hello_session.hpp"

#include <uv.h>

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct connection {
  uv_tcp_t handle;
  http::hello_session session;
  std::array<char, 16384> bytes;
};

struct writing {
  uv_write_t request;
  std::string text;
};

void require(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "libuv_http: %s: %s\n", what, uv_strerror(status));
  std::exit(1);
}

void drop(uv_stream_t* stream) {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(stream))) return;
  uv_close(reinterpret_cast<uv_handle_t*>(stream), [](uv_handle_t* h) { delete static_cast<connection*>(h->data); });
}

void lend(uv_handle_t* handle, std::size_t, uv_buf_t* into) {
  auto& bytes = static_cast<connection*>(handle->data)->bytes;
  *into = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
}

// What the socket takes at once needs no request and no copy.
void answer(uv_stream_t* stream, std::string& text) {
  uv_buf_t all = uv_buf_init(text.data(), static_cast<unsigned>(text.size()));
  int sent = uv_try_write(stream, &all, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) return drop(stream);
  if (static_cast<std::size_t>(sent) == text.size()) return;
  auto* const w = new writing{{}, text.substr(static_cast<std::size_t>(sent))};
  w->request.data = w;
  uv_buf_t rest = uv_buf_init(w->text.data(), static_cast<unsigned>(w->text.size()));
  uv_write(&w->request, stream, &rest, 1, [](uv_write_t* request, int status) {
    if (status != 0) drop(request->handle);
    delete static_cast<writing*>(request->data);
  });
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* from) {
  if (count < 0) return drop(stream);
  if (count == 0) return;
  static std::string out;  // one thread: all connections share it
  out.clear();
  const std::string_view input(from->base, static_cast<std::size_t>(count));
  const bool keep_alive = static_cast<connection*>(stream->data)->session.respond(input, out);
  answer(stream, out);
  if (!keep_alive) drop(stream);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status != 0) return;
  auto* const c = new connection;
  uv_tcp_init(listener->loop, &c->handle);
  c->handle.data = c;
  auto* const stream = reinterpret_cast<uv_stream_t*>(&c->handle);
  if (uv_accept(listener, stream) != 0) return drop(stream);
  uv_tcp_nodelay(&c->handle, 1);
  uv_read_start(stream, lend, on_read);
}

}  // namespace

int main(int argc, char** argv) {
  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener;
  require(uv_tcp_init(loop, &listener), "uv_tcp_init");
  sockaddr_in address{};
  require(uv_ip4_addr("127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0, &address), "uv_ip4_addr");
  require(uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0), "uv_tcp_bind");
  require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection), "uv_listen");
  int size = sizeof address;
  require(uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size), "uv_tcp_getsockname");
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
