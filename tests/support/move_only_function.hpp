// SPDX-License-Identifier: BSL-1.0
// What helpers of tests keep bodies in.
#pragma once

#include <memory>
#include <utility>

namespace weft::test {

// C++23's, as far as tests need it. Hundreds are made, each of another lambda, and a std::function is twice as much to
// compile.
template <class Signature> class move_only_function;
template <class R, class... A> class move_only_function<R(A...)> {
 public:
  move_only_function() = default;
  template <class F> move_only_function(F f) : kept_(new of<F>(std::move(f))) {}
  R operator()(A... with) const { return kept_->call(static_cast<A&&>(with)...); }

 private:
  struct any {
    virtual ~any() = default;
    virtual R call(A... with) = 0;
  };
  template <class F> struct of final : any {
    explicit of(F&& f) : f_(std::move(f)) {}
    R call(A... with) override { return static_cast<R>(f_(static_cast<A&&>(with)...)); }
    F f_;
  };

  std::unique_ptr<any> kept_;
};

}  // namespace weft::test
