// SPDX-License-Identifier: BSL-1.0
#include "sched/environment.hpp"

#include <sched.h>

#include <algorithm>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "context/size_class.hpp"

namespace weft::detail {
namespace {

constexpr unsigned most_workers = 1024;

[[noreturn]] void refuse(const std::string& what) {
  std::string text("weft: ");
  text += what;  // g++ 12 warns of `+` here
  throw std::system_error(std::make_error_code(std::errc::invalid_argument), text);
}

// The variable as a whole number; an optional K, M or G multiplies by 1,024.
std::size_t number(const char* variable, std::string_view text, bool suffixes) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(end, text.size() - std::size_t(end - text.data()));
  unsigned shift = 0;
  if (suffixes && rest.size() == 1) {
    const auto at = std::string_view("KMG").find(rest.front());
    if (at != std::string_view::npos) {
      shift = 10 * unsigned(at + 1);
      rest = {};
    }
  }
  if (error != std::errc{} || !rest.empty() || (value << shift) >> shift != value)
    refuse(std::string(variable) + "=" + std::string(text) + " is not a whole number" +
           (suffixes ? " of bytes (K, M and G may follow)" : ""));
  return value << shift;
}

// What the stacks would refuse, too, without the name of who asked for it.
void check_stack_size(std::size_t bytes, const std::string& asked) {
  if (bytes < least_stack_size() || bytes > most_stack_size())
    refuse(asked + " between " + std::to_string(least_stack_size()) + " and " + std::to_string(most_stack_size()) +
           " bytes");
}

unsigned cpus_of_mask() {
  // The kernel refuses a set smaller than its own: grow until it fits.
  for (std::size_t cpus = 1024; cpus <= (1u << 20); cpus *= 2) {
    std::vector<unsigned long> bits(cpus / (8 * sizeof(unsigned long)));
    auto* set = reinterpret_cast<cpu_set_t*>(bits.data());
    if (sched_getaffinity(0, bits.size() * sizeof(unsigned long), set) == 0)
      return unsigned(CPU_COUNT_S(bits.size() * sizeof(unsigned long), set));
  }
  return 1;
}

debug_flags parse_debug(std::string_view text) {
  constexpr std::string_view mappings = "mappings=";
  debug_flags flags;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (word == "migrate=always")
      flags.migrate_always = true;
    else if (word == "guards=mprotect")
      flags.mprotect_guards = true;
    else if (word == "locks")
      flags.locks = true;
    else if (word == "hooks")
      continue;  // the library weft-hooks, where it is linked, looks for that itself
    else if (word.starts_with(mappings))
      flags.mappings = number("WEFT_DEBUG: mappings", word.substr(mappings.size()), false);
    else if (!word.empty())
      refuse("WEFT_DEBUG has no \"" + std::string(word) +
             "\"; it knows migrate=always, guards=mprotect, mappings=N, hooks and locks");
  }
  return flags;
}

}  // namespace

environment read_environment(options given) {
  environment result{std::move(given), {}};
  options& o = result.settings;
  if (o.workers > most_workers)
    refuse("options::workers is " + std::to_string(o.workers) + "; at most " + std::to_string(most_workers));
  if (const char* text = std::getenv("WEFT_WORKERS")) {
    const auto value = number("WEFT_WORKERS", text, false);
    if (value == 0 || value > most_workers)
      refuse("WEFT_WORKERS=" + std::string(text) + " is not between 1 and " + std::to_string(most_workers));
    if (o.workers == 0) o.workers = unsigned(value);
  }
  if (o.workers == 0) o.workers = std::min(cpus_of_mask(), most_workers);
  if (const char* text = std::getenv("WEFT_STACK_SIZE")) {
    const auto value = number("WEFT_STACK_SIZE", text, true);
    check_stack_size(value, "WEFT_STACK_SIZE=" + std::string(text) + " is not");
    if (o.stack_size == options::default_stack_size) o.stack_size = value;
  }
  check_stack_size(o.stack_size, "options::stack_size is " + std::to_string(o.stack_size) + "; it must be");
  if (o.blocking_threads == 0) refuse("options::blocking_threads is 0");
  if (o.hog_threshold.count() < 0) refuse("options::hog_threshold is negative");
  if (const char* text = std::getenv("WEFT_DEBUG")) result.debug = parse_debug(text);
  return result;
}

unsigned usable_cpus() { return cpus_of_mask(); }

}  // namespace weft::detail
