// SPDX-License-Identifier: BSL-1.0
// redis_fanout [HOST [PORT [WORKERS]]]: hands out a hundred jobs through a list of a redis server, by hiredis, an ordinary
// library of blocking calls. So many workers, 100 if not said, are fibers of one thread, each with a connection of its
// own; most of them wait in BLPOP. Linked with weft-hooks.
#include <hiredis/hiredis.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <weft/weft.hpp>

namespace {

constexpr int jobs = 100;

using connection = std::unique_ptr<redisContext, void (*)(redisContext*)>;
using reply = std::unique_ptr<redisReply, void (*)(void*)>;

connection connect(const char* host, int port) {
  connection made(redisConnect(host, port), &redisFree);
  if (!made || made->err) throw std::runtime_error(made ? made->errstr : "no memory");
  return made;
}

template <class... Words> reply call(const connection& to, const char* command, Words... words) {
  reply answer(static_cast<redisReply*>(redisCommand(to.get(), command, words...)), &freeReplyObject);
  if (!answer) throw std::runtime_error(to->errstr);
  return answer;
}

// Squares numbers until it is told to go home.
void work(const connection& to) {
  for (;;) {
    const reply job = call(to, "BLPOP fanout:jobs 0");
    const int number = std::atoi(job->element[1]->str);
    if (number < 0) return;
    call(to, "RPUSH fanout:results %d", number * number);
  }
}

long fan_out(const char* host, int port, int workers) {
  const connection own = connect(host, port);
  call(own, "DEL fanout:jobs fanout:results");
  long sum = 0;
  weft::with_scope([&](weft::scope& all) {
    for (int i = 0; i < workers; ++i) all.spawn([&] { work(connect(host, port)); });
    for (int i = 1; i <= jobs; ++i) call(own, "RPUSH fanout:jobs %d", i);
    for (int i = 1; i <= jobs; ++i) sum += std::atol(call(own, "BLPOP fanout:results 0")->element[1]->str);
    for (int i = 0; i < workers; ++i) call(own, "RPUSH fanout:jobs -1");
  });
  return sum;
}

}  // namespace

int main(int count, char** words) {
  const char* const host = count > 1 ? words[1] : "127.0.0.1";
  const int port = count > 2 ? std::atoi(words[2]) : 6379, workers = count > 3 ? std::atoi(words[3]) : 100;
  try {
    const long sum = weft::run([&] { return fan_out(host, port, workers); }, {.workers = 1});
    std::printf("%d workers did %d jobs; the squares sum up to %ld\n", workers, jobs, sum);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "redis_fanout: %s\n", error.what());
    return 1;
  }
}
