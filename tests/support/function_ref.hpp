// SPDX-License-Identifier: BSL-1.0
// What helpers of tests take bodies by: they are compiled once then, not anew for each lambda.
#pragma once

#include <memory>

namespace weft::test {

// C++26's, as far as tests need it. Refers to what it is made from.
template <class Signature> class function_ref;
template <class R, class... A> class function_ref<R(A...)> {
 public:
  template <class F> function_ref(const F& f) : f_(std::addressof(f)), call_(call<F>) {}
  R operator()(A... with) const { return call_(f_, static_cast<A&&>(with)...); }

 private:
  template <class F> static R call(const void* f, A... with) {
    return static_cast<R>((*static_cast<const F*>(f))(static_cast<A&&>(with)...));
  }

  const void* f_;
  R (*call_)(const void* f, A... with);
};

}  // namespace weft::test
