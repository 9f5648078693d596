// SPDX-License-Identifier: BSL-1.0
// What the kernel says about this process's memory: mappings, resident pages, and whether an address faults.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "context/size_class.hpp"

namespace weft::test {

struct mapped {
  std::size_t mappings = 0, bytes = 0;
};

// What refuses huge pages and reserves no memory, as the slabs of stacks do and hardly anything else does: the stacks of
// threads only refuse. Neighbours may be one mapping.
inline mapped mapped_for_stacks() {
  std::ifstream maps("/proc/self/smaps");
  mapped all;
  std::size_t size = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.rfind("Size:", 0) == 0) size = std::strtoull(line.c_str() + 5, nullptr, 10) * 1024;
    if (line.rfind("VmFlags:", 0) != 0) continue;
    if (line.find(" nh") == std::string::npos || line.find(" nr") == std::string::npos) continue;
    ++all.mappings;
    all.bytes += size;
  }
  return all;
}

inline bool stack_mappings_are_seen() {
  const std::size_t size = detail::page_size();
  const std::size_t before = mapped_for_stacks().bytes;
  void* page = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  madvise(page, size, MADV_NOHUGEPAGE);
  const bool seen = mapped_for_stacks().bytes != before;
  munmap(page, size);
  return seen;
}

// Pages of [low, high) that are in memory.
inline std::size_t resident_pages(const std::byte* low, const std::byte* high) {
  const std::size_t page = detail::page_size();
  const auto from = reinterpret_cast<std::uintptr_t>(low) / page * page;
  const std::size_t pages = (reinterpret_cast<std::uintptr_t>(high) - from + page - 1) / page;
  std::vector<unsigned char> in(pages);
  if (mincore(reinterpret_cast<void*>(from), pages * page, in.data()) != 0) return std::size_t(-1);
  return static_cast<std::size_t>(std::ranges::count_if(in, [](unsigned char b) { return (b & 1) != 0; }));
}

// Asks the kernel to read bytes for us, so that a fault is an answer and no signal.
class fault_probe {
 public:
  fault_probe() {
    if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
  }
  ~fault_probe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  fault_probe(const fault_probe&) = delete;
  fault_probe& operator=(const fault_probe&) = delete;

  bool operator()(const void* address) const {
    const ssize_t wrote = write(ends_[1], address, 1);
    if (wrote == -1 && errno == EFAULT) return true;
    char byte;
    if (wrote != 1 || read(ends_[0], &byte, 1) != 1) std::abort();
    return false;
  }

 private:
  int ends_[2];
};

inline bool faults(const void* address) { return fault_probe()(address); }

// A figure of /proc/self/status, in bytes.
inline std::size_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

}  // namespace weft::test
