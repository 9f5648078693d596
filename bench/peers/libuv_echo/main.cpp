// SPDX-License-Identifier: BSL-1.0
// The echo server on libuv: each connection has a buffer of its own, and is read on while what came is written back.
#include <uv.h>

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct connection {
  uv_tcp_t handle;
  std::array<char, 16384> bytes;
};

struct writing {
  uv_write_t request;
  char* copy;
};

void require(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "libuv_echo: %s: %s\n", what, uv_strerror(status));
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
void write_back(uv_stream_t* stream, char* bytes, std::size_t count) {
  uv_buf_t all = uv_buf_init(bytes, static_cast<unsigned>(count));
  int sent = uv_try_write(stream, &all, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) return drop(stream);
  const std::size_t rest = count - static_cast<std::size_t>(sent);
  if (rest == 0) return;
  auto* const w = new writing{{}, static_cast<char*>(std::malloc(rest))};
  std::memcpy(w->copy, bytes + sent, rest);
  w->request.data = w;
  uv_buf_t later = uv_buf_init(w->copy, static_cast<unsigned>(rest));
  uv_write(&w->request, stream, &later, 1, [](uv_write_t* request, int status) {
    auto* const done = static_cast<writing*>(request->data);
    if (status != 0) drop(request->handle);
    std::free(done->copy);
    delete done;
  });
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* from) {
  if (count < 0) return drop(stream);
  if (count > 0) write_back(stream, from->base, static_cast<std::size_t>(count));
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
