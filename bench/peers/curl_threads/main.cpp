// SPDX-License-Identifier: BSL-1.0
// curl_threads_peer URL: the question of bench/curl_hooked.cpp asked of a thread for each handle.
#include "../../support/crowd_of_threads.hpp"
#include "../../support/downloads.hpp"

int main(int argc, char** argv) {
  const std::string url = bench::url_argument(argc, argv);
  bench::measure_downloads("threads", [&] {
    return bench::of_threads(bench::download::at_once, [&](int) {
      bench::download mine(url);
      while (mine.ended(curl_easy_perform(mine.handle()))) {
      }
    });
  });
}
