// SPDX-License-Identifier: BSL-1.0
// What async_blocking() returns: how a task waits for a call on the blocking pool. As `wait_for_call`, cut at its park.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <weft/detail/sched/blocking_call.hpp>
#include <weft/detail/stackless/operation.hpp>

namespace weft::detail {

class blocking_operation : public operation {
 protected:
  enum class when_cancelled : bool { wait, abandon };

  blocking_operation(std::unique_ptr<blocking_call> call, when_cancelled what) noexcept
      : operation(&proceed), call_(std::move(call)), what_(what) {}

  // When it has ended. Throws `cancelled`, and system_error without a thread.
  [[nodiscard]] blocking_call& ended_call() const;

 private:
  enum class phase : std::uint8_t { fresh, waiting, deaf, forgone };

  static bool proceed(operation& self) noexcept { return static_cast<blocking_operation&>(self).advance(); }
  [[nodiscard]] bool advance() noexcept;
  [[nodiscard]] bool begin() noexcept;
  [[nodiscard]] bool leave() noexcept;

  std::unique_ptr<blocking_call> call_;
  task_wait wait_;
  std::exception_ptr error_;
  const when_cancelled what_;
  phase phase_ = phase::fresh;
  bool cancelled_ = false;
};

}  // namespace weft::detail
