// SPDX-License-Identifier: BSL-1.0
// hiredis, its synchronous calls, against a redis server.
#include <hiredis/hiredis.h>

#include <memory>
#include <string>

#include "clients/company.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;

namespace {

class connection {
 public:
  connection() {
    const auto at = words_of_server();
    context_.reset(redisConnect(at[0].c_str(), std::stoi(at[1])));
    REQUIRE(context_);
    REQUIRE_MESSAGE(context_->err == 0, context_->errstr);
  }
  redisContext* operator->() const { return context_.get(); }
  [[nodiscard]] redisContext* get() const { return context_.get(); }

  using reply = std::unique_ptr<redisReply, void (*)(void*)>;
  // Null if the connection is broken.
  template <class... Words> reply call(const char* command, Words... words) const {
    return {static_cast<redisReply*>(redisCommand(get(), command, words...)), &freeReplyObject};
  }
  [[nodiscard]] reply next() const {
    void* answer = nullptr;
    redisGetReply(get(), &answer);
    return {static_cast<redisReply*>(answer), &freeReplyObject};
  }

 private:
  struct end {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  std::unique_ptr<redisContext, end> context_;
};

std::string text_of(const connection::reply& from) {
  return from && from->str ? std::string(from->str, from->len) : "nothing";
}

// Of those that INFO tells.
int number_of(const connection& from, const std::string& key) {
  const std::string text = text_of(from.call("INFO clients"));
  const auto at = text.find(key + ":");
  return at == std::string::npos ? -1 : std::stoi(text.substr(at + key.size() + 1));
}

}  // namespace

TEST_CASE("a thousand fibers on one worker wait in BLPOP at once, and each gets one") {
  const int count = company_of(1'000);
  on_one_worker([&] {
    const connection own;
    CHECK(text_of(own.call("FLUSHALL")) == "OK");
    int got = 0;
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([&] {
          const connection c;
          const auto answer = c.call("BLPOP queue 0");
          REQUIRE(answer);
          got += answer->type == REDIS_REPLY_ARRAY;
        });
      }
      until([&] { return number_of(own, "blocked_clients") == count; });
      CHECK(got == 0);
      for (int i = 0; i < count; ++i) redisAppendCommand(own.get(), "RPUSH queue %d", i);
      for (int i = 0; i < count; ++i) CHECK(own.next());
    });
    CHECK(got == count);
  });
}

TEST_CASE("a thousand connections are open at once, and each sets and gets its own") {
  const int count = company_of(1'000);
  on_one_worker([&] {
    const connection own;
    weft::latch all_are_there(count);
    by_each(count, [&](int i) {
      const connection c;
      all_are_there.arrive_and_wait();
      if (i == 0) CHECK(number_of(own, "connected_clients") == count + 1);
      for (int n = 0; n < 5; ++n) {
        CHECK(text_of(c.call("SET own:%d %d", i, i + n)) == "OK");
        CHECK(text_of(c.call("GET own:%d", i)) == std::to_string(i + n));
      }
    });
  });
}

TEST_CASE("pipelines of a hundred fibers") {
  on_one_worker([] {
    by_each(100, [](int i) {
      const connection c;
      for (int n = 0; n < 50; ++n) redisAppendCommand(c.get(), "SET key:%d:%d %d", i, n, i * n);
      for (int n = 0; n < 50; ++n) redisAppendCommand(c.get(), "GET key:%d:%d", i, n);
      for (int n = 0; n < 50; ++n) CHECK(text_of(c.next()) == "OK");
      for (int n = 0; n < 50; ++n) CHECK(text_of(c.next()) == std::to_string(i * n));
    });
  });
}

TEST_CASE("large values of redis come back whole") {
  on_one_worker([] {
    by_each(4, [](int i) {
      const connection c;
      const std::string value(3'000'000, char('a' + i));
      CHECK(text_of(c.call("SET large:%d %b", i, value.data(), value.size())) == "OK");
      CHECK(text_of(c.call("GET large:%d", i)) == value);
    });
  });
}

TEST_CASE("subscribers hear a publisher on the same worker") {
  on_one_worker([] {
    constexpr int count = 50;
    const connection own;
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([] {
          const connection c;
          CHECK(c.call("SUBSCRIBE news"));
          const auto heard = c.next();
          REQUIRE(heard);
          REQUIRE(heard->elements == 3);
          CHECK(std::string(heard->element[2]->str) == "hello");
        });
      }
      until([&] { return own.call("PUBSUB NUMSUB news")->element[1]->integer == count; });
      CHECK(own.call("PUBLISH news hello")->integer == count);
    });
  });
}

TEST_CASE("a deadline ends a BLPOP, by an error of hiredis'") {
  on_one_worker([] {
    const connection c;
    CHECK_THROWS_AS(weft::with_timeout(20ms,
                                       [&] {
                                         CHECK(!c.call("BLPOP nothing 0"));
                                         CHECK(c->err == REDIS_ERR_IO);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    CHECK(!c.call("PING"));  // as after any error of its: the connection is to be made anew
    CHECK(redisReconnect(c.get()) == REDIS_OK);
    CHECK(text_of(c.call("PING")) == "PONG");
  });
}

TEST_CASE("a timeout of hiredis' own ends a BLPOP") {
  on_one_worker([] {
    const connection c;
    REQUIRE(redisSetTimeout(c.get(), timeval{0, 20'000}) == REDIS_OK);
    CHECK(!c.call("BLPOP nothing 0"));
    CHECK(c->err == REDIS_ERR_IO);
  });
}
