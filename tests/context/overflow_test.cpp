// SPDX-License-Identifier: BSL-1.0
#include "context/overflow.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "context/alternate_stack.hpp"
#include "context/child_process.hpp"
#include "context/raw_line.hpp"
#include "context/stack_pool.hpp"

using namespace weft::detail;
using weft::test::child_end;
using weft::test::in_child;

namespace {

const stack* current = nullptr;  // of the child's only thread

bool describe(const void* address, int fd) noexcept {
  if (current == nullptr || !current->guards(address)) return false;
  raw_line().text("overflow of ").number(current->size()).text(" bytes").write_to(fd);
  return true;
}

// Runs f on a stack from a pool. The switch has tests of its own; here the libc's serves.
void (*entry)() = nullptr;
void on_stack(void (*f)(), guard_method method = guard_method::automatic) {
  stack_pool pool({.default_size = 64 << 10, .guards = method});
  stack* s = pool.take(pool.default_class());
  current = s;
  entry = f;
  static ucontext_t back, there;
  getcontext(&there);
  there.uc_stack.ss_sp = s->low;
  there.uc_stack.ss_size = s->size();
  there.uc_link = &back;
  makecontext(
      &there, [] { entry(); }, 0);
  swapcontext(&back, &there);
  current = nullptr;
  pool.give(s);
}

volatile int bottomless = 1;

[[gnu::noinline]] int recurse(int depth) {  // NOLINT(misc-no-recursion): that is the point
  volatile char frame[200];
  frame[depth % 200] = 1;
  return bottomless != 0 ? recurse(depth + 1) + frame[0] : 0;
}

// Touches its array from below only, so that the first access past the end of the stack is as far off as it can be.
[[gnu::noinline]] int big_frame(int depth) {  // NOLINT(misc-no-recursion)
  volatile char frame[12 << 10];
  frame[0] = 1;
  return bottomless != 0 ? big_frame(depth + 1) + frame[0] : 0;
}

void overflow() { recurse(0); }
void overflow_by_big_frames() { big_frame(0); }

bool said(const child_end& end, const char* what) { return end.said.find(what) != std::string::npos; }

void* fault_page = nullptr;
void fault() { *static_cast<volatile char*>(fault_page) = 1; }

void count_on_stderr(int) { raw_line().text("the handler before").write_to(STDERR_FILENO); }

}  // namespace

TEST_CASE("an overflow is reported, then the process dies by SIGSEGV, with guards of both kinds") {
  for (const guard_method method : {guard_method::automatic, guard_method::protect}) {
    static guard_method chosen;
    chosen = method;
    for (void (*const f)() : {&overflow, &overflow_by_big_frames}) {
      const child_end end = in_child([f] {
        const overflow_report report(&describe);
        const alternate_stack handlers;
        on_stack(f, chosen);
        return 0;
      });
      CHECK(end.signal == SIGSEGV);
      CHECK_MESSAGE(said(end, "overflow of 6"), end.said);
      CHECK(end.said.find("overflow") == end.said.rfind("overflow"));
    }
  }
}

TEST_CASE("a fault elsewhere is not called an overflow, and kills as ever") {
  const child_end end = in_child([] {
    const overflow_report report(&describe);
    const alternate_stack handlers;
    fault_page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    on_stack(&fault);
    return 0;
  });
  CHECK(end.signal == SIGSEGV);
  CHECK(!said(end, "overflow of"));
}

TEST_CASE("without a report an overflow kills by SIGSEGV") {
  const child_end end = in_child([] {
    { const overflow_report report(&describe); }
    on_stack(&overflow);
    return 0;
  });
  CHECK(end.signal == SIGSEGV);
  CHECK(!said(end, "overflow of"));
}

TEST_CASE("the report lasts as long as the longest of them") {
  const child_end end = in_child([] {
    auto first = std::make_unique<overflow_report>(&describe);
    const overflow_report second(&describe);
    first.reset();
    const alternate_stack handlers;
    on_stack(&overflow);
    return 0;
  });
  CHECK(end.signal == SIGSEGV);
  CHECK(said(end, "overflow of"));
}

TEST_CASE("the handler that was there before runs after the report, of either form, on the alternate stack") {
  const child_end plain = in_child([] {
    struct sigaction before = {};
    before.sa_handler = [](int s) {
      count_on_stderr(s);
      _exit(7);
    };
    sigaction(SIGSEGV, &before, nullptr);  // without SA_ONSTACK
    const overflow_report report(&describe);
    const alternate_stack handlers;
    on_stack(&overflow);
    return 0;
  });
  CHECK(plain.status == 7);
  CHECK(said(plain, "bytes\nthe handler before"));

  const child_end with_info = in_child([] {
    struct sigaction before = {};
    before.sa_flags = SA_SIGINFO | SA_ONSTACK;
    before.sa_sigaction = [](int, siginfo_t* info, void* context) {
      _exit(current->guards(info->si_addr) && context != nullptr ? 8 : 9);
    };
    sigaction(SIGSEGV, &before, nullptr);
    const overflow_report report(&describe);
    const alternate_stack handlers;
    on_stack(&overflow);
    return 0;
  });
  CHECK(with_info.status == 8);
  CHECK(said(with_info, "overflow of"));
}

TEST_CASE("the handler that was there before runs with the signals blocked that it asked for") {
  const auto blocked = [](int flags) {
    return in_child([flags] {
      struct sigaction before = {};
      before.sa_flags = flags;
      sigaddset(&before.sa_mask, SIGUSR1);
      before.sa_handler = [](int) {
        sigset_t now;
        sigprocmask(SIG_BLOCK, nullptr, &now);
        _exit(sigismember(&now, SIGUSR1) + 2 * sigismember(&now, SIGSEGV));
      };
      sigaction(SIGSEGV, &before, nullptr);
      const overflow_report report(&describe);
      const alternate_stack handlers;
      on_stack(&overflow);
      return 77;
    });
  };
  CHECK(blocked(0).status == 1 + 2);
  CHECK(blocked(SA_NODEFER).status == 1);
}

TEST_CASE("what the handler that was there before has blocked stays so no longer than it runs") {
  const child_end end = in_child([] {
    static struct sigaction ours;
    static int blocked = 0;  // in the handler before, then in the one on top of ours
    static constexpr auto look = [] {
      sigset_t now;
      sigprocmask(SIG_BLOCK, nullptr, &now);
      blocked = 2 * blocked + sigismember(&now, SIGUSR1);
    };
    struct sigaction before = {}, on_top = {};
    sigaddset(&before.sa_mask, SIGUSR1);
    before.sa_handler = [](int) { look(); };
    sigaction(SIGSEGV, &before, nullptr);
    const overflow_report report(&describe);
    on_top.sa_flags = SA_SIGINFO | SA_ONSTACK;
    on_top.sa_sigaction = [](int s, siginfo_t* info, void* context) {
      const sigset_t none = {};
      sigprocmask(SIG_SETMASK, &none, nullptr);  // ThreadSanitizer runs handlers with every signal blocked
      ours.sa_sigaction(s, info, context);
      look();
    };
    sigaction(SIGSEGV, &on_top, &ours);
    raise(SIGSEGV);
    return blocked;
  });
  CHECK(end.status == 2);
}

// qemu-user for aarch64 delivers the repaired fault for ever.
#if defined(__aarch64__)
constexpr bool repairs_hang = true;
#else
constexpr bool repairs_hang = false;
#endif

TEST_CASE("a handler that repairs the fault lets the program go on" * doctest::skip(repairs_hang)) {
  const child_end end = in_child([] {
    struct sigaction before = {};
    before.sa_handler = [](int) { mprotect(fault_page, 4096, PROT_READ | PROT_WRITE); };
    sigaction(SIGSEGV, &before, nullptr);
    const overflow_report report(&describe);
    const alternate_stack handlers;
    for (int i = 0; i < 3; ++i) {
      fault_page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      fault();
    }
    return 5;
  });
  CHECK(end.status == 5);
}

TEST_CASE("a handler that is for one time only is called once, then the default takes place") {
  const child_end end = in_child([] {
    struct sigaction before = {};
    before.sa_handler = &count_on_stderr;
    before.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGSEGV, &before, nullptr);
    const overflow_report report(&describe);
    const alternate_stack handlers;
    on_stack(&overflow);
    return 0;
  });
  CHECK(end.signal == SIGSEGV);
  CHECK(said(end, "overflow of"));
  CHECK(end.said.find("before") != std::string::npos);
  CHECK(end.said.find("before") == end.said.rfind("before"));
}

TEST_CASE("a SIGSEGV that was sent kills, or is ignored, as before") {
  const child_end killed = in_child([] {
    const overflow_report report(&describe);
    raise(SIGSEGV);
    return 3;
  });
  CHECK(killed.signal == SIGSEGV);
  const child_end ignored = in_child([] {
    signal(SIGSEGV, SIG_IGN);
    const overflow_report report(&describe);
    raise(SIGSEGV);
    return 3;
  });
  CHECK(ignored.status == 3);
  const child_end fault_ignored = in_child([] {
    signal(SIGSEGV, SIG_IGN);
    const overflow_report report(&describe);
    fault_page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fault();
    return 3;
  });
  CHECK(fault_ignored.signal == SIGSEGV);
  const child_end bus = in_child([] {
    const overflow_report report(&describe);
    raise(SIGBUS);
    return 3;
  });
  CHECK(bus.signal == SIGBUS);
}

TEST_CASE("the handlers that were there come back when the last report ends") {
  const child_end end = in_child([] {
    struct sigaction before = {}, after = {};
    before.sa_handler = &count_on_stderr;
    sigaction(SIGSEGV, &before, nullptr);
    for (int i = 0; i < 3; ++i) {
      const overflow_report report(&describe);
      sigaction(SIGSEGV, nullptr, &after);
      if (after.sa_handler == &count_on_stderr) return 1;
    }
    sigaction(SIGSEGV, nullptr, &after);
    if (after.sa_handler != &count_on_stderr) return 2;
    sigaction(SIGBUS, nullptr, &after);
    return after.sa_handler == SIG_DFL ? 0 : 3;
  });
  CHECK(end.status == 0);
}

TEST_CASE("a handler put on top of ours stays, calls ours, and closes no ring when the next report begins") {
  const child_end end = in_child([] {
    static struct sigaction ours;
    struct sigaction on_top = {};
    on_top.sa_flags = SA_SIGINFO | SA_ONSTACK;
    on_top.sa_sigaction = [](int s, siginfo_t* info, void* context) {
      raw_line().text("on top").write_to(STDERR_FILENO);
      ours.sa_sigaction(s, info, context);
    };
    {
      const overflow_report report(&describe);
      sigaction(SIGSEGV, &on_top, &ours);
    }
    struct sigaction now = {};
    sigaction(SIGSEGV, nullptr, &now);
    if (now.sa_sigaction != on_top.sa_sigaction) return 1;
    const overflow_report report(&describe);
    const alternate_stack handlers;
    on_stack(&overflow);
    return 2;
  });
  CHECK(end.signal == SIGSEGV);
  CHECK(said(end, "on top\noverflow of"));
  CHECK(end.said.find("on top") == end.said.rfind("on top"));
}

TEST_CASE("a thread has its alternate stack as long as it lives, and one that has a good one keeps it") {
  std::thread([] {
    stack_t before = {}, during = {}, inner = {}, after = {};
    sigaltstack(nullptr, &before);
    {
      const alternate_stack first;
      sigaltstack(nullptr, &during);
      CHECK((during.ss_flags & SS_DISABLE) == 0);
      CHECK(during.ss_size >= alternate_stack::size());
      {
        const alternate_stack second;
        sigaltstack(nullptr, &inner);
        CHECK(inner.ss_sp == during.ss_sp);
      }
      sigaltstack(nullptr, &inner);
      CHECK(inner.ss_sp == during.ss_sp);
    }
    sigaltstack(nullptr, &after);
    CHECK((after.ss_flags & SS_DISABLE) == (before.ss_flags & SS_DISABLE));
    CHECK((after.ss_sp == before.ss_sp || (before.ss_flags & SS_DISABLE) != 0));
  }).join();
}
