// SPDX-License-Identifier: BSL-1.0
#include "stackless/loop_report.hpp"

#include <unistd.h>

#include <exception>
#include <weft/base/error.hpp>

#include "context/raw_line.hpp"

namespace weft::detail {
namespace {

void add(raw_line& line, const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    line.text(": ").text(e.what());
  } catch (const cancelled&) {
    line.text(": cancelled");
  } catch (...) {
    line.text(": an exception of another type than std::exception");
  }
}

void add(raw_line& line, const std::source_location& where) noexcept {
  line.text(where.file_name()).text(":").number(where.line());
}

}  // namespace

void write_report(const stackless::error_context& what) noexcept {
  raw_line line;
  line.text("weft::stackless: ").text(what.message);
  if (what.exception) add(line, what.exception);
  if (what.where.line()) add(line.text(", created at "), what.where);
  line.write_to(STDERR_FILENO);
}

// asyncio's text, with a place for the name that a function of C++ has not.
void write_slow(const char* kind, std::string_view name, const std::source_location& where,
                std::int64_t took) noexcept {
  const auto milliseconds = std::uint64_t(took) / 1'000'000;
  raw_line line;
  line.text("weft::stackless: executing the ").text(kind);
  if (!name.empty()) line.text(" \"").text(name).text("\"");
  add(line.text(" created at "), where);
  line.text(" took ").number(milliseconds / 1000).text(".");
  for (std::uint64_t digit = 100; digit; digit /= 10) line.number(milliseconds / digit % 10);
  line.text(" seconds").write_to(STDERR_FILENO);
}

}  // namespace weft::detail
