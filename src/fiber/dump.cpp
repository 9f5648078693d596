// SPDX-License-Identifier: BSL-1.0
#include "fiber/dump.hpp"

#include <algorithm>
#include <cstring>

#include "context/process_stacks.hpp"
#include "context/raw_line.hpp"
#include "fiber/fibers.hpp"
#include "fiber/generator_frame.hpp"

namespace weft::detail {
namespace {

void add_identity(raw_line& line, const control_block& fiber) noexcept {
  line.text("fiber ").number(fiber.id.load(std::memory_order_relaxed));
  if (fiber.label[0]) line.text(" \"").text(fiber.label).text("\"");
}

void add_origin(raw_line& line, const control_block& fiber) noexcept {
  line.text(", created at ").text(fiber.where.file_name()).text(":").number(fiber.where.line());
}

void add_time_left(raw_line& line, std::int64_t until) noexcept {
  const auto left = deadline::from_nanoseconds(until).remaining().count();
  line.number(std::uint64_t(left) / 1'000'000).text(" ms");
}

// The generator that has overflowed its stack to that address.
bool add_generator(raw_line& line, const void* fault_address) noexcept {
  stack* const ground = try_find_process_stack(fault_address);
  if (!ground || !ground->guards(fault_address)) return false;
  const stackful_generator* const core = generator_frame::of(*ground)->core;
  if (!core) return false;  // it lies in a cache
  line.text("a generator, stack of ").number(ground->size()).text(" bytes");
  line.text(", created at ").text(core->where.file_name()).text(":").number(core->where.line());
  return true;
}

}  // namespace

void add_description(raw_line& line, const control_block& fiber) noexcept {
  add_identity(line, fiber);
  add_origin(line, fiber);
}

std::size_t describe(control_block& fiber, char* out, std::size_t size) noexcept {
  if (!fiber.end.lock()) return 0;
  raw_line line;
  add_description(line, fiber);
  fiber.end.unlock();
  const auto text = line.view();
  const std::size_t length = std::min(text.size(), size);
  std::memcpy(out, text.data(), length);
  return length;
}

void dump_fiber(control_block& fiber, int fd) noexcept {
  if (!fiber.end.lock()) return;  // what a spawn wrote before is seen, and the next one does not write yet
  raw_line line;
  add_identity(line, fiber);
  const bool started = fiber.started.load(std::memory_order_relaxed);
  const char* const what = fiber.waits_for.load(std::memory_order_relaxed);
  if (what && (fiber.is_waiting() || !started)) {
    line.text(" waits for ").text(what);
    const std::int64_t until = fiber.waits_until.load(std::memory_order_relaxed);
    if (until != deadline::limit) {
      line.text(" for ");
      add_time_left(line, until);
      line.text(" more");
    }
  } else {
    line.text(started ? " runs or is ready" : " has not started");
  }
  if (const std::int64_t until = fiber.innermost->effective; until != deadline::limit) {
    line.text(", deadline in ");
    add_time_left(line, until);
  }
  if (requested_from(*fiber.innermost)) line.text(", cancelled");
  add_origin(line, fiber);
  fiber.end.unlock();
  line.write_to(fd);
}

bool describe_overflow(const void* fault_address, int fd) noexcept {
  const control_block* const fiber = running_fiber();
  raw_line line;
  line.text("weft: stack overflow in ");
  if (fiber && fiber->ground && fiber->ground->guards(fault_address)) {
    add_identity(line, *fiber);
    line.text(", stack of ").number(fiber->ground->size()).text(" bytes");
    add_origin(line, *fiber);
  } else if (!add_generator(line, fault_address)) {
    return false;
  } else if (fiber) {
    line.text(", pulled by ");
    add_description(line, *fiber);
  }
  line.write_to(fd);
  return true;
}

}  // namespace weft::detail
