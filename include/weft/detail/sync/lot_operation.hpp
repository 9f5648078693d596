// SPDX-License-Identifier: BSL-1.0
// What the async_ functions of the primitives return: operations for the co_await of a task.
//
// They lie in the frame that awaits them and refer to the primitive, which has to live until the end of the co_await.
#pragma once

#include <cstdint>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/operation.hpp>
#include <weft/detail/sync/lot_rule.hpp>

namespace weft::detail {

class lot_operation : public operation {
 protected:
  // `note` goes into the wait node.
  lot_operation(step how, parking_lot& lot, const lot_rule& rule, std::uint64_t note, deadline until) noexcept
      : operation(how), lot_(&lot), rule_(&rule), until_(until) {
    wait_.node().note = note;
  }
  lot_operation(lot_operation&& other) noexcept
      : operation(std::move(other)), lot_(other.lot_), rule_(other.rule_), until_(other.until_) {
    node().note = other.node().note;
  }

  // A step, on the task's worker: true when it is decided what it came to.
  [[nodiscard]] bool advance() noexcept;
  static bool proceed(operation& self) noexcept { return static_cast<lot_operation&>(self).advance(); }

  // Whether it came true. Throws `cancelled`, and what the rule says of a refusal.
  bool result() const {
    if (why_ == outcome::woken) return true;
    if (why_ == outcome::cancelled) throw cancelled();
    if (why_ == outcome::closed) throw_error(rule_->mistake, rule_->mistake_text);
    return false;
  }
  // Whether nothing was tried yet: nobody else knows the node.
  [[nodiscard]] bool is_fresh() const noexcept { return phase_ == phase::fresh; }
  [[nodiscard]] wait_node& node() noexcept { return wait_.node(); }

 private:
  enum class phase : std::uint8_t { fresh, yielded, waiting, waiting_deaf };

  [[nodiscard]] bool enter(bool again, bool deaf) noexcept;

  parking_lot* lot_;
  const lot_rule* rule_;
  deadline until_;
  task_wait wait_;
  phase phase_ = phase::fresh;
  outcome why_ = outcome::none;  // `closed`: refused
};

// co_await: nothing.
class [[nodiscard]] lot_wait_operation : public lot_operation {
 public:
  lot_wait_operation(parking_lot& lot, const lot_rule& rule, std::uint64_t note = 0) noexcept
      : lot_operation(&proceed, lot, rule, note, never) {}
  void await_resume() const { (void)result(); }
};

// co_await: whether it came true in time.
class [[nodiscard]] lot_timed_operation : public lot_operation {
 public:
  lot_timed_operation(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t note = 0) noexcept
      : lot_operation(&proceed, lot, rule, note, until) {}
  [[nodiscard]] bool await_resume() const { return result(); }
};

}  // namespace weft::detail
