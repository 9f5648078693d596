// SPDX-License-Identifier: BSL-1.0
// fetch_many URL...: downloads them all by libcurl's easy interface, which blocks, on fibers of one thread: a hundred at a
// time, each within ten seconds. Prints status and size of each in their order. Linked with weft-hooks.
#include <curl/curl.h>

#include <cstdio>
#include <memory>
#include <vector>
#include <weft/weft.hpp>

namespace {

struct page {
  const char* url;
  CURLcode end = CURLE_OK;
  long status = 0;
  std::size_t size = 0;
};

std::size_t count_bytes(char*, std::size_t, std::size_t size, void* to) {
  static_cast<page*>(to)->size += size;
  return size;
}

void fetch(page& p) {
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), &curl_easy_cleanup);
  curl_easy_setopt(handle.get(), CURLOPT_URL, p.url);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &p);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, &count_bytes);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  p.end = curl_easy_perform(handle.get());
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &p.status);
}

void fetch_all(std::vector<page>& pages) {
  weft::semaphore at_once(100);
  weft::with_scope([&](weft::scope& all) {
    for (page& p : pages) {
      at_once.acquire();
      all.spawn([&] {
        fetch(p);
        at_once.release();
      });
    }
  });
}

}  // namespace

int main(int count, char** words) {
  std::vector<page> pages;
  for (int i = 1; i < count; ++i) pages.push_back({words[i]});
  curl_global_init(CURL_GLOBAL_DEFAULT);
  weft::run([&] { fetch_all(pages); }, {.workers = 1});
  curl_global_cleanup();
  bool all_well = true;
  for (const page& p : pages) {
    all_well &= p.end == CURLE_OK && p.status == 200;
    if (p.end == CURLE_OK)
      std::printf("%ld %8zu %s\n", p.status, p.size, p.url);
    else
      std::printf("%s: %s\n", p.url, curl_easy_strerror(p.end));
  }
  return all_well ? 0 : 1;
}
