// SPDX-License-Identifier: BSL-1.0
// What the template of fiber-locals stands on: values, and the slot in which each fiber has its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail {

struct local_value {
  using destroy_function = void (*)(local_value&) noexcept;

  explicit local_value(destroy_function how) noexcept : destroy(how) {}
  local_value(const local_value&) = delete;
  local_value& operator=(const local_value&) = delete;

  const destroy_function destroy;
  // Of the fiber or thread that it belongs to.
  std::uint64_t variable = 0;
  std::size_t index = 0;
  local_value* older = nullptr;
  local_value* newer = nullptr;
};

// One fiber-local. Its index is given to another one when it ends, its number never: whoever finds a value of another
// number in its place has found a remnant.
class local_slot {
 public:
  local_slot();  // throws bad_alloc
  local_slot(const local_slot&) = delete;
  local_slot& operator=(const local_slot&) = delete;
  ~local_slot();

  // The calling fiber's or thread's own; null if it has none.
  [[nodiscard]] local_value* find() const noexcept;
  // Makes `fresh` the caller's own; whatever it had before ends. Throws bad_alloc.
  void keep(local_value& fresh) const;
  // Ends the caller's own.
  void drop() const noexcept;

 private:
  const std::size_t index_;
  const std::uint64_t number_;
};

}  // namespace weft::detail
