// SPDX-License-Identifier: BSL-1.0
// libuv_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp on libuv. Both connections of a client are read all the
// time, as it is done there, each into a buffer of its own; what comes from one is written to the other.
#include <uv.h>

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

sockaddr_in upstream;

struct connection {
  uv_tcp_t handle;
  connection* other;
  std::array<char, 16384> bytes;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle); }
};

struct client {
  connection near, far;
  uv_connect_t connecting;
  int open = 2;
};

struct writing {
  uv_write_t request;
  char* copy;
};

void require(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "libuv_proxy: %s: %s\n", what, uv_strerror(status));
  std::exit(1);
}

client* owner(connection& of) { return static_cast<client*>(of.handle.data); }

void drop(client* c) {
  for (connection* one : {&c->near, &c->far}) {
    auto* const handle = reinterpret_cast<uv_handle_t*>(&one->handle);
    if (uv_is_closing(handle)) continue;
    uv_close(handle, [](uv_handle_t* h) {
      auto* const closed = static_cast<client*>(h->data);
      if (--closed->open == 0) delete closed;
    });
  }
}

void lend(uv_handle_t* handle, std::size_t, uv_buf_t* into) {
  auto& bytes = reinterpret_cast<connection*>(handle)->bytes;  // its first member
  *into = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
}

// What the socket takes at once needs no request and no copy.
void write(connection& to, char* bytes, std::size_t count) {
  uv_buf_t all = uv_buf_init(bytes, static_cast<unsigned>(count));
  int sent = uv_try_write(to.stream(), &all, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) return drop(owner(to));
  const std::size_t rest = count - static_cast<std::size_t>(sent);
  if (rest == 0) return;
  auto* const w = new writing{{}, static_cast<char*>(std::malloc(rest))};
  std::memcpy(w->copy, bytes + sent, rest);
  w->request.data = w;
  uv_buf_t later = uv_buf_init(w->copy, static_cast<unsigned>(rest));
  uv_write(&w->request, to.stream(), &later, 1, [](uv_write_t* request, int status) {
    auto* const done = static_cast<writing*>(request->data);
    if (status != 0) drop(static_cast<client*>(request->handle->data));
    std::free(done->copy);
    delete done;
  });
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* from) {
  auto& source = *reinterpret_cast<connection*>(stream);
  if (count < 0) return drop(owner(source));
  if (count > 0) write(*source.other, from->base, static_cast<std::size_t>(count));
}

void on_connected(uv_connect_t* request, int status) {
  auto* const c = static_cast<client*>(request->data);
  if (status != 0) return drop(c);
  uv_tcp_nodelay(&c->far.handle, 1);
  uv_read_start(c->near.stream(), lend, on_read);
  uv_read_start(c->far.stream(), lend, on_read);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status != 0) return;
  auto* const c = new client;
  c->near.other = &c->far;
  c->far.other = &c->near;
  for (connection* one : {&c->near, &c->far}) {
    uv_tcp_init(listener->loop, &one->handle);
    one->handle.data = c;
  }
  if (uv_accept(listener, c->near.stream()) != 0) return drop(c);
  uv_tcp_nodelay(&c->near.handle, 1);
  c->connecting.data = c;
  const auto* const to = reinterpret_cast<const sockaddr*>(&upstream);
  if (uv_tcp_connect(&c->connecting, &c->far.handle, to, on_connected) != 0) drop(c);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: libuv_proxy PORT UPSTREAM\n");
    return 2;
  }
  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener;
  require(uv_tcp_init(loop, &listener), "uv_tcp_init");
  sockaddr_in address{};
  require(uv_ip4_addr("127.0.0.1", std::atoi(argv[1]), &address), "uv_ip4_addr");
  require(uv_ip4_addr("127.0.0.1", std::atoi(argv[2]), &upstream), "uv_ip4_addr");
  require(uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0), "uv_tcp_bind");
  require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection), "uv_listen");
  int size = sizeof address;
  require(uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size), "uv_tcp_getsockname");
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
