// SPDX-License-Identifier: BSL-1.0
// An example program that runs beside the test, as it lies beside its file, and a plain client socket to talk to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace weft::test {

// Started with the arguments, killed when destroyed. Its stdout and stderr are ours to read, but for what the monitor says
// of a busy machine.
class program {
 public:
  explicit program(std::string_view name, const std::vector<std::string>& arguments = {});
  ~program();
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  [[nodiscard]] std::string line();  // the next one it prints, without its end
  [[nodiscard]] int wait();          // its exit status, or minus the signal that ended it
  [[nodiscard]] std::string said();  // all that is left of what it wrote, to stdout and stderr
  [[nodiscard]] bool running() const;
  [[nodiscard]] std::size_t most_memory() const;  // that it ever had at once, in bytes

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

// From the line with which servers begin.
[[nodiscard]] int port_of(program& server);

// A blocking TCP connection on loopback whose every call fails the test case after ten seconds.
class client {
 public:
  explicit client(int port);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void send(std::string_view bytes) const;
  // As much as goes without waiting for the peer to read.
  [[nodiscard]] std::size_t try_send(std::string_view bytes) const;
  void end_of_sending() const;
  [[nodiscard]] std::string receive(std::size_t count);  // exactly
  [[nodiscard]] std::string rest();                      // up to the end of the stream
  // One HTTP answer; `with_body` is false for the answer to HEAD.
  struct answer {
    int status = 0;
    std::string head, body;
  };
  [[nodiscard]] answer receive_answer(bool with_body = true);

 private:
  bool more();

  int fd_ = -1;
  std::string got_;
  std::size_t handed_out_ = 0;  // of what we got
};

}  // namespace weft::test
