// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/run.hpp>

#include <vector>

#include "fiber/fibers.hpp"

namespace weft::detail {
namespace {

// What joining a fiber throws that was itself cancelled.
bool is_of_cancelled_fiber(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code() == std::errc::operation_canceled;
  } catch (...) {
    return false;
  }
}

}  // namespace

void refuse_run_on_fiber() {
  if (current_worker()) throw_error(std::errc::operation_not_permitted, "weft: run() on a fiber or task");
}

void throw_unobserved(runtime& of, std::exception_ptr main_error) {
  std::vector<std::exception_ptr> errors;
  for (const kind k : {kind::fibers, kind::tasks}) scheduler_of(of).of(k).take_errors(errors);
  // The main fiber's cancellation is but a consequence of the first of the others.
  if (main_error && (errors.empty() || !is_of_cancelled_fiber(main_error))) errors.push_back(std::move(main_error));
  if (errors.empty()) return;
  if (errors.size() == 1) std::rethrow_exception(std::move(errors.front()));
  throw exception_group(std::move(errors));
}

}  // namespace weft::detail
