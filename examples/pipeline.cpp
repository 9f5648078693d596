// SPDX-License-Identifier: BSL-1.0
// pipeline [COUNT]: three stages with bounded channels between them. The last one is slow, and that holds back the others:
// however many values there are, only a few are on their way at once.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <weft/weft.hpp>

namespace {

// How many values have left the first stage and not yet arrived.
class traffic {
 public:
  void leaves() {
    const long now = ++on_the_way_;
    for (long seen = most_; seen < now && !most_.compare_exchange_weak(seen, now);) {
    }
  }
  void arrives() { --on_the_way_; }
  [[nodiscard]] long most() const { return most_; }

 private:
  std::atomic<long> on_the_way_{0}, most_{0};
};

}  // namespace

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::atol(argv[1]) : 10'000;
  weft::run([count] {
    weft::channel<long> numbers(8), squares(8);
    traffic all;
    long sum = 0, arrived = 0;
    weft::with_scope([&](weft::scope& stages) {
      stages.spawn([&] {
        for (long n = 1; n <= count; ++n) {
          all.leaves();
          numbers.send(n);
        }
        numbers.close();
      });
      stages.spawn([&] {
        weft::with_scope([&](weft::scope& squarers) {
          for (int i = 0; i < 4; ++i) {
            squarers.spawn([&] {
              for (const long n : numbers) squares.send(n * n);
            });
          }
        });
        squares.close();  // the scope was left: all four have ended
      });
      for (const long square : squares) {
        all.arrives();
        sum += square;
        if (++arrived % 16 == 0) weft::this_fiber::yield();
      }
    });
    std::printf("%ld squares, sum %ld, never more than %ld on their way\n", arrived, sum, all.most());
  });
}
