// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/fiber_ref.hpp>

#include "fiber/cancel_scope.hpp"
#include "fiber/control_block.hpp"

namespace weft {
namespace {

// Locks the block if it still is that fiber; the fiber does not end meanwhile.
class held {
 public:
  held(detail::fiber_core* core, fiber_id id) noexcept : core_(core && core->end.lock() ? core : nullptr) {
    if (core_ && core_->id.load(std::memory_order_relaxed) != id.number()) {  // ordered by the lock
      core_->end.unlock();
      core_ = nullptr;
    }
  }
  held(const held&) = delete;
  held& operator=(const held&) = delete;
  ~held() {
    if (core_) core_->end.unlock();
  }
  explicit operator bool() const noexcept { return core_ != nullptr; }
  // From here on somebody else unlocks it.
  void pass_on() noexcept { core_ = nullptr; }

 private:
  detail::fiber_core* core_;
};

}  // namespace

std::string fiber_ref::name() const {
  char copy[sizeof(detail::control_block::label)] = {};
  if (const held fiber(core_, id_); fiber) std::copy_n(detail::block_of(*core_).label, sizeof copy, copy);
  return copy;
}

bool fiber_ref::done() const noexcept {
  if (!core_) return true;
  // acquire on the id, then the word: if it still is this fiber's, the end seen is this fiber's, too.
  return core_->end.has_ended() || core_->id.load(std::memory_order_acquire) != id_.number();
}

void fiber_ref::cancel() const noexcept {
  held fiber(core_, id_);
  if (!fiber) return;
  detail::control_block& block = detail::block_of(*core_);
  if (block.base.requested.exchange(true, std::memory_order_acq_rel)) return;
  block.next_cancelled = nullptr;
  fiber.pass_on();
  detail::wake_list woken;
  detail::request_all(&block, woken);
  woken.unpark_all();
}

}  // namespace weft
