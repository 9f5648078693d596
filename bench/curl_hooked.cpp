// SPDX-License-Identifier: BSL-1.0
// curl_hooked URL: what does a download of 1 KiB take by libcurl's easy interface, which blocks, on a hundred fibers of
// one worker?
//
// curl: a thousand downloads, a hundred at once, from the making of the handles to their end. Against the multi
// interface and threads, in peers/curl_multi and peers/curl_threads.
#include "support/crowd_of_fibers.hpp"
#include "support/downloads.hpp"

#include <weft/hooks.hpp>

int main(int argc, char** argv) {
  const std::string url = bench::url_argument(argc, argv);
  bench::expect(weft::hooks::enabled(), "the hooks are not there");
  const auto measure = [&] {
    bench::measure_downloads("weft", [&] {
      return bench::of_fibers(bench::download::at_once, [&](int) {
        bench::download mine(url);
        while (mine.ended(curl_easy_perform(mine.handle()))) {
        }
      });
    });
  };
  weft::run(measure, {.workers = 1});
}
