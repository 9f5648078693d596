// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>

namespace weft::detail {

void throw_error(std::errc code, const char* what) { throw std::system_error(std::make_error_code(code), what); }

void throw_errno(int error, const char* what) { throw std::system_error(error, std::system_category(), what); }

}  // namespace weft::detail
