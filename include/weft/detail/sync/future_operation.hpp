// SPDX-License-Identifier: BSL-1.0
// What async_get() of futures returns.
#pragma once

#include <weft/detail/sync/future_core.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft::detail {

// co_await: what get() returns. `Future` is a future or a const shared_future.
template <class Future> class [[nodiscard]] future_get_operation : public lot_operation {
 public:
  explicit future_get_operation(Future& of) noexcept
      : lot_operation(&proceed, of.state_->lot(), future_core::waiting, 0, never), of_(&of) {}
  future_get_operation(Future& of, task_core& waits) noexcept : future_get_operation(of) { belongs_to(waits); }

  decltype(auto) await_resume() {
    (void)result();
    return of_->take();
  }

 private:
  Future* of_;
};

}  // namespace weft::detail
