// SPDX-License-Identifier: BSL-1.0
#include "context/size_class.hpp"

#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <string>
#include <system_error>

namespace weft::detail {
namespace {

#ifndef AT_MINSIGSTKSZ
constexpr unsigned long AT_MINSIGSTKSZ = 51;  // kernel headers older than the kernel
#endif

constexpr std::size_t for_frames = std::size_t{8} << 10;

std::size_t in_pages(std::size_t bytes) noexcept { return (bytes + page_size() - 1) / page_size(); }

[[noreturn]] void bad_size(std::size_t bytes, const char* relation, std::size_t bound, const char* bound_is) {
  throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                          "weft: a stack size of " + std::to_string(bytes) + " bytes is " + relation + " the " +
                              std::to_string(bound) + " bytes " + bound_is);
}

}  // namespace

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t least_stack_size() noexcept {
  // AT_MINSIGSTKSZ is the kernel's figure for one signal frame with all registers of this CPU, 0 if it does not say.
  static const std::size_t size = std::max<std::size_t>(getauxval(AT_MINSIGSTKSZ), 4096) + for_frames;
  return size;
}

std::size_t most_stack_size() noexcept {
  static const std::size_t size = [] {
    struct sysinfo machine = {};
    const std::size_t largest = stack_class_size(stack_classes - 1);
    if (sysinfo(&machine) != 0) return largest;
    return std::min<std::size_t>(largest, (machine.totalram + machine.totalswap) * machine.mem_unit);
  }();
  return size;
}

unsigned stack_class_of(std::size_t bytes) {
  if (bytes < least_stack_size()) bad_size(bytes, "below", least_stack_size(), "that a frame and a signal need");
  if (bytes > most_stack_size()) bad_size(bytes, "above", most_stack_size(), "of memory that this machine has");
  if (bytes <= smallest_stack) return 0;
  return static_cast<unsigned>(std::bit_width((bytes - 1) / smallest_stack));
}

stack_layout stack_class_layout(unsigned size_class) noexcept {
  const std::size_t guard = in_pages(guard_size);
  const std::size_t usable = in_pages(stack_class_size(size_class));
  // The odd page holds the header and the colour, so that nothing is taken from the size that was asked for.
  const std::size_t header = in_pages((stack_colours + 1) * 64);
  const std::size_t stride = (guard + usable + header) | 1;
  return {guard * page_size(), stride * page_size()};
}

}  // namespace weft::detail
