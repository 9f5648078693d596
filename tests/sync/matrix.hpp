// SPDX-License-Identifier: BSL-1.0
// Every waiting operation in every situation, by every kind of actor.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/stackless.hpp>

#include "sync/company.hpp"

namespace weft::test {

// A wait, and the primitive at which it has to wait. What must not have happened is seen in the primitive's word: it is what
// it was.
class waiting_operation {
 public:
  struct properties {
    bool timed = true;      // there are the forms with a deadline
    bool consumes = false;  // it takes what make_ready() gave
    bool keeps = true;      // make_ready() is kept for who comes later
    bool cancellable = true;
    bool completes = false;  // an arrival: it counts if the last one comes before it is withdrawn
    std::optional<detail::parking_lot::word> word_afterwards = {};  // if it does more than to take
  };

  waiting_operation() = default;
  waiting_operation(const waiting_operation&) = delete;
  waiting_operation& operator=(const waiting_operation&) = delete;
  virtual ~waiting_operation() = default;

  [[nodiscard]] virtual properties is() const { return {}; }
  virtual detail::parking_lot& lot() = 0;
  // Lets one waiter go on, or the next who comes.
  virtual void make_ready() = 0;
  // The wait, for fibers and threads, and for tasks.
  virtual void perform() = 0;
  virtual stackless::task<> perform_async() = 0;
  // The timed one: whether it came true.
  virtual bool perform_until(deadline) { return false; }
  virtual stackless::task<bool> perform_async_until(deadline) { co_return false; }
  // By the same actor, after it came true: gives back what it got.
  virtual void finish() {}
};

template <class Primitive> struct operation_on : waiting_operation {
  template <class... A> explicit operation_on(A&&... with) : one(std::forward<A>(with)...) {}
  detail::parking_lot& lot() override { return detail::lot_access::of(one); }
  Primitive one;
};

using operation_maker = std::unique_ptr<waiting_operation>();
template <class Operation> std::unique_ptr<waiting_operation> make_operation() { return std::make_unique<Operation>(); }

// On a fiber: each situation, in each of which the one who waits is of this kind.
void try_all_situations(operation_maker& make, kind who);

}  // namespace weft::test
