// SPDX-License-Identifier: BSL-1.0
// chat [PORT]: the first line of a client is its name; every further one goes to all others. A client that does not read
// what it is sent is cut off, and holds nobody up. Port 0, the default, takes a free one and prints it.
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <weft/weft.hpp>

namespace {

// Shared by all who still have to send it.
using line = std::shared_ptr<const std::string>;

struct member {
  explicit member(weft::net::tcp_stream& to) : stream(to) {}

  weft::net::tcp_stream& stream;
  weft::channel<line> outbox{256};
};

class room {
 public:
  void enter(member& who) {
    const std::lock_guard guard(mutex_);
    members_.insert(&who);
  }
  void leave(member& who) {
    const std::lock_guard guard(mutex_);
    members_.erase(&who);
  }
  // Waits for nobody: whoever has no room for another line is cut off.
  void say(const member* from, std::string text) {
    const auto said = std::make_shared<const std::string>(std::move(text));
    const std::lock_guard guard(mutex_);
    for (member* to : members_) {
      if (to != from && !to->outbox.try_send(said)) to->stream.close();
    }
  }

 private:
  weft::mutex mutex_;
  std::set<member*> members_;
};

// A peer that goes away, or is cut off, is no error; hence the error codes.
void talk(room& in, weft::net::tcp_stream peer) {
  std::error_code gone;
  weft::net::buffered input(peer);
  const auto name = input.read_line(gone);
  if (!name || name->empty()) return;
  member me(peer);
  weft::with_scope([&](weft::scope& both) {
    both.spawn_daemon([&] {
      std::error_code lost;
      for (const line& next : me.outbox) {
        peer.write_all(*next, lost);
        if (lost) return peer.close();
      }
    });
    in.enter(me);
    const struct leaving {
      room& from;
      member& who;
      ~leaving() { from.leave(who); }
    } guard{in, me};
    in.say(nullptr, "* " + *name + " is here\n");
    while (const auto text = input.read_line(gone)) in.say(&me, *name + ": " + *text + "\n");
    in.say(&me, "* " + *name + " has left\n");
  });
}

}  // namespace

int main(int argc, char** argv) try {
  weft::run([&] {
    weft::net::tcp_listener listener(weft::net::address::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0")));
    std::printf("listening on %s\n", to_string(listener.local()).c_str());
    std::fflush(stdout);
    room everybody;
    weft::net::serve(listener, [&](weft::net::tcp_stream peer) { talk(everybody, std::move(peer)); });
  });
} catch (const std::exception& error) {
  std::fprintf(stderr, "chat: %s\n", error.what());
  return 1;
}
