// SPDX-License-Identifier: BSL-1.0
// Whether libc's blocking calls yield here, and how a piece of code says that they must not.
//
// Linking the library weft-hooks is what turns the hooks on, for the whole program; they act on fibers only.
#pragma once

namespace weft::hooks {

// Any thread. Whether the program's calls of libc come to weft-hooks at all (they do not where the library was loaded
// behind libc, by dlopen(3) or as a library's library), and no `scoped_disable` of this fiber is alive. Never parks.
[[nodiscard]] bool enabled() noexcept;

// While one lives, the hooked functions do to the fiber that made it what they do to a plain thread: block, with the
// worker. For code that must not lose its worker between two calls. They nest; made off a fiber it does nothing.
// Destroy it where it was made. Never parks.
class [[nodiscard]] scoped_disable {
 public:
  scoped_disable() noexcept;
  scoped_disable(const scoped_disable&) = delete;
  scoped_disable& operator=(const scoped_disable&) = delete;
  ~scoped_disable();

 private:
  void* fiber_;
};

}  // namespace weft::hooks
