// SPDX-License-Identifier: BSL-1.0
#include "examples/program.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

namespace weft::test {
namespace {

// Where the machine is busy, workers are held by others than their fibers.
bool is_of_the_monitor(std::string_view line) {
  return line.starts_with("weft: worker ") && line.find(" is held for ") != line.npos;
}

}  // namespace

program::program(std::string_view name, const std::vector<std::string>& arguments) {
  const std::string path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(name);
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(60);  // survives the exec: nothing hangs for longer
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execv(path.c_str(), words.data());
    _exit(127);
  }
  close(ends[1]);
  out_ = ends[0];
}

program::~program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(out_);
}

std::string program::line() {
  std::string text;
  do {
    text.clear();
    for (char c = 0; read(out_, &c, 1) == 1 && c != '\n';) text += c;
  } while (is_of_the_monitor(text));
  return text;
}

std::string program::said() {
  std::string text;
  char part[4096];
  for (ssize_t n; (n = read(out_, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (is_of_the_monitor(std::string_view(text).substr(at, end - at)))
      text.erase(at, end - at);
    else
      at = end;
  }
  return text;
}

int program::wait() {
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::size_t program::most_memory() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

bool program::running() const { return waitpid(pid_, nullptr, WNOHANG) == 0; }

int port_of(program& server) {
  const std::string line = server.line();
  CAPTURE(line);
  REQUIRE(line.starts_with("listening on 127.0.0.1:"));
  return std::stoi(line.substr(line.rfind(':') + 1));
}

client::client(int port) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{10, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

client::~client() { close(fd_); }

void client::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) CAPTURE(errno);
    REQUIRE(n > 0);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t client::try_send(std::string_view bytes) const {
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  REQUIRE((n > 0 || errno == EAGAIN));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void client::end_of_sending() const { shutdown(fd_, SHUT_WR); }

// False at the end of the stream; a reset or ten silent seconds fail the test case.
bool client::more() {
  got_.erase(0, std::exchange(handed_out_, 0));
  char part[65536];
  const ssize_t n = recv(fd_, part, sizeof part, 0);
  const int why = n < 0 ? errno : 0;
  CAPTURE(why);
  REQUIRE(n >= 0);
  got_.append(part, static_cast<std::size_t>(n));
  return n > 0;
}

std::string client::receive(std::size_t count) {
  while (got_.size() - handed_out_ < count) REQUIRE(more());
  std::string text = got_.substr(handed_out_, count);
  handed_out_ += count;
  return text;
}

std::string client::rest() {
  while (more()) {
  }
  return std::exchange(got_, {}).substr(std::exchange(handed_out_, 0));
}

client::answer client::receive_answer(bool with_body) {
  while (got_.find("\r\n\r\n", handed_out_) == got_.npos) REQUIRE(more());
  answer a;
  a.head = receive(got_.find("\r\n\r\n", handed_out_) + 4 - handed_out_);
  REQUIRE(a.head.starts_with("HTTP/1.1 "));
  a.status = std::stoi(a.head.substr(9, 3));
  const std::size_t length = a.head.find("Content-Length: ");
  if (with_body && length != a.head.npos) a.body = receive(std::stoul(a.head.substr(length + 16)));
  return a;
}

}  // namespace weft::test
