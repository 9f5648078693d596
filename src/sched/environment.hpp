// SPDX-License-Identifier: BSL-1.0
// What operators set from outside: WEFT_WORKERS, WEFT_STACK_SIZE and WEFT_DEBUG.
#pragma once

#include <cstddef>
#include <weft/sched/options.hpp>

namespace weft::detail {

struct debug_flags {
  bool migrate_always = false;   // every park of a movable fiber resumes on another worker
  bool mprotect_guards = false;  // stacks are guarded the way kernels before 6.13 need it
  bool locks = false;            // tell of fibers that park while they hold a pthread mutex
  std::size_t mappings = 0;      // that such guards may use; 0: half of vm.max_map_count
};

struct environment {
  options settings;  // the caller's, with every "default" filled in
  debug_flags debug;
};

// CPUs that this process may run on; searching workers spin only when there are two.
[[nodiscard]] unsigned usable_cpus();

// Throws std::system_error (invalid_argument) naming the variable or field whose value is wrong.
[[nodiscard]] environment read_environment(options given);

}  // namespace weft::detail
