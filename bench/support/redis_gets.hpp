// SPDX-License-Identifier: BSL-1.0
// The GETs that hiredis is asked for, whichever way: how many by how many connections, and what must come back.
#pragma once

#include "report.hpp"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace bench {

struct redis_address {
  const char* host;
  int port;
};

inline redis_address redis_argument(int argc, char** argv) {
  expect(argc == 3, "arguments: HOST PORT");
  return {argv[1], std::atoi(argv[2])};
}

namespace redis {

inline constexpr int connections = 100;
inline constexpr int gets = 500;  // of each connection, one after the other, in each repeat
inline constexpr const char* command = "GET bench:value";
inline constexpr std::size_t size = 64;

inline void expect_value(const void* answer) {
  const auto* const reply = static_cast<const redisReply*>(answer);
  expect(reply && reply->type == REDIS_REPLY_STRING && std::size_t(reply->len) == size, "the value did not come back");
}

// By hiredis' blocking calls.
class connection {
 public:
  explicit connection(const redis_address& to) : context_(redisConnect(to.host, to.port), &redisFree) {
    expect(context_ && !context_->err, context_ ? context_->errstr : "no memory");
  }

  void set() const {
    const reply answer = ask(("SET bench:value " + std::string(size, 'x')).c_str());
    expect(answer && answer->type == REDIS_REPLY_STATUS, "redis takes no value");
  }

  void get(int times) const {
    for (int i = 0; i < times; ++i) expect_value(ask(command).get());
  }

 private:
  using reply = std::unique_ptr<redisReply, void (*)(void*)>;
  [[nodiscard]] reply ask(const char* what) const {
    return {static_cast<redisReply*>(redisCommand(context_.get(), what)), &freeReplyObject};
  }

  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

}  // namespace redis
}  // namespace bench
