// SPDX-License-Identifier: BSL-1.0
// The downloads that libcurl is asked for, whichever way: a thousand, a hundred at once. Each of a hundred handles does
// ten, one after the other, so that each keeps one connection.
#pragma once

#include "costs.hpp"

#include <curl/curl.h>

#include <memory>
#include <string>

namespace bench {

class download {
 public:
  static constexpr int at_once = 100;
  static constexpr int of_each = 10;
  static constexpr std::size_t size = 1024;

  explicit download(const std::string& url) : it_(curl_easy_init(), &curl_easy_cleanup) {
    expect(it_ != nullptr, "curl_easy_init");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_NOSIGNAL, 1L);  // as programs with threads must
    set(CURLOPT_NOPROXY, "*");
  }
  download(const download&) = delete;
  download& operator=(const download&) = delete;

  [[nodiscard]] CURL* handle() const { return it_.get(); }

  // After one has ended with `how`: whether there is another to do.
  bool ended(CURLcode how) {
    long status = 0;
    curl_easy_getinfo(it_.get(), CURLINFO_RESPONSE_CODE, &status);
    expect(how == CURLE_OK, curl_easy_strerror(how));
    expect(status == 200 && got_ == size, "the file did not come");
    got_ = 0;
    return --left_ > 0;
  }

 private:
  template <class Value> void set(CURLoption option, Value value) {
    expect(curl_easy_setopt(it_.get(), option, value) == CURLE_OK, "curl_easy_setopt");
  }
  static std::size_t take(char*, std::size_t, std::size_t bytes, void* self) {
    static_cast<download*>(self)->got_ += bytes;
    return bytes;
  }

  std::unique_ptr<CURL, void (*)(CURL*)> it_;
  std::size_t got_ = 0;
  int left_ = of_each;
};

inline std::string url_argument(int argc, char** argv) {
  expect(argc == 2, "an argument: URL");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return argv[1];
}

// `all()` does them all, beginning with new handles, and returns what that cost; once before it counts.
template <class All> void measure_downloads(std::string_view side, const All& all) {
  all();
  costs found(double(download::at_once) * download::of_each);
  for (int i = 0; i < repeats; ++i) found.add(all());
  found.report_as("curl", side);
}

}  // namespace bench
