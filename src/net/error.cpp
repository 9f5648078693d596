// SPDX-License-Identifier: BSL-1.0
// The category of `stream_errc`.
#include <weft/net/error.hpp>

namespace weft::net {
namespace {

struct stream_errors : std::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "weft.stream"; }
  [[nodiscard]] std::string message(int) const override { return "End of stream"; }
};

}  // namespace

const std::error_category& stream_category() noexcept {
  static const stream_errors one;
  return one;
}

}  // namespace weft::net
