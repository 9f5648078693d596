// SPDX-License-Identifier: BSL-1.0
#include "fiber/dump.hpp"

#include <algorithm>
#include <cstring>

#include "context/raw_line.hpp"
#include "fiber/fibers.hpp"

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
  if (const char* what = fiber.waits_for.load(std::memory_order_relaxed)) {
    line.text(" waits for ").text(what);
    const std::int64_t until = fiber.waits_until.load(std::memory_order_relaxed);
    if (until != deadline::limit) {
      line.text(" for ");
      add_time_left(line, until);
      line.text(" more");
    }
  } else {
    line.text(fiber.started.load(std::memory_order_relaxed) ? " runs or is ready" : " has not started");
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
  if (!fiber || !fiber->ground || !fiber->ground->guards(fault_address)) return false;
  raw_line line;
  line.text("weft: stack overflow in ");
  add_identity(line, *fiber);
  line.text(", stack of ").number(fiber->ground->size()).text(" bytes");
  add_origin(line, *fiber);
  line.write_to(fd);
  return true;
}

}  // namespace weft::detail
