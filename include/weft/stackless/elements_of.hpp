// SPDX-License-Identifier: BSL-1.0
// elements_of(range): what stands behind co_yield for all that a range, or another generator, yields. Python's `yield from`.
#pragma once

#include <utility>

namespace weft::stackless {

template <class Range> class [[nodiscard]] elements_of {
 public:
  explicit elements_of(Range&& range) noexcept : range_(std::forward<Range>(range)) {}
  [[nodiscard]] Range&& get() const noexcept { return static_cast<Range&&>(range_); }

 private:
  Range&& range_;
};
template <class Range> elements_of(Range&&) -> elements_of<Range>;

}  // namespace weft::stackless
