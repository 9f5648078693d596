// SPDX-License-Identifier: BSL-1.0
// One hooked call beneath which something may fail, and the same call again: what may come of them, and what may not.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "faults/hooks/table.hpp"
#include "faults/plan.hpp"

namespace weft::detail {
struct control_block;
}

namespace weft::faults::hooked {

class trial {
 public:
  // `function`: the hooked one. Nothing fails by a plan of no row.
  trial(std::string_view function, const plan& what) : function_(function), plan_(what) {}

  struct steps {
    // The hooked call: its result, and -1 and errno where it fails, whatever its own way to say so.
    std::function<long()> call;
    // Whether a result that is no failure is what it should be.
    std::function<bool(long)> is_right = [](long result) { return result == 0; };
    // Done by a plain thread as soon as the call waits, or has come back.
    std::function<void()> meanwhile = [] {};
    // Whether all is well although the call has failed: by default, whether it works now.
    std::function<bool()> recovers = {};
  };

  // On a fiber, once.
  void make(const steps& of);

  // Empty if nothing is wrong.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
  // How often something failed.
  [[nodiscard]] std::size_t strikes() const noexcept { return strikes_; }
  // How often each row was called.
  using counts = std::array<std::size_t, row_count>;
  [[nodiscard]] const counts& calls() const noexcept { return calls_; }

 private:
  [[nodiscard]] bool is_lack() const noexcept;
  [[nodiscard]] bool may_block() const noexcept;
  [[nodiscard]] bool may_say(int error) const noexcept;

  const std::string_view function_;
  const plan plan_;
  std::string complaint_;
  std::size_t strikes_ = 0;
  counts calls_{};
};

// A function of the hooks' table and one way to use it.
struct hooked_case {
  std::string_view function;
  std::string_view what;  // besides; may be empty
  void (*play)(trial&);
};

// By what a call waits for. All begin with what a fiber does, on one worker.
extern const std::span<const hooked_case> cases_of_files, cases_of_sockets, cases_of_several_files, cases_of_names,
    cases_of_children_and_locks, cases_of_numbers;

}  // namespace weft::faults::hooked
