// SPDX-License-Identifier: BSL-1.0
// Files and directories that go with the object, where the environment wants such things.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace weft::test {

// For mkdtemp and mkostemp, which put letters for the last six.
inline std::string temporary_name() {
  return (std::filesystem::temp_directory_path() / "weft-test-").string() + std::string(6, 'X');
}

class temporary_directory {
 public:
  temporary_directory() : path_(temporary_name()) { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class temporary_file {
 public:
  explicit temporary_file(std::string_view text = {}) : path_(temporary_name()) {
    const int made = ::mkostemp(path_.data(), O_CLOEXEC);
    REQUIRE(made >= 0);
    ::close(made);
    std::ofstream(path_) << text;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const char* name() const noexcept { return path_.c_str(); }

 private:
  std::string path_;
};

}  // namespace weft::test
