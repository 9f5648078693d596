// SPDX-License-Identifier: BSL-1.0
// word_count FILE...: the ten most frequent words of all files. A fiber for each file reads it through the blocking pool and
// counts; the main fiber adds up what they found, in the order in which they are done.
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

using counts = std::map<std::string, std::size_t>;

counts count_words(const std::string& path) {
  std::ifstream file;
  weft::blocking([&] {
    file.open(path, std::ios::binary);
    if (!file) throw std::system_error(errno, std::generic_category(), path);
  });
  counts found;
  std::string word;
  std::array<char, 1 << 16> block;
  const auto end_word = [&] {
    if (!word.empty()) ++found[std::exchange(word, {})];
  };
  while (const auto size = weft::blocking([&] { return file.read(block.data(), block.size()).gcount(); })) {
    for (std::streamsize i = 0; i < size; ++i) {
      const auto c = static_cast<unsigned char>(block[std::size_t(i)]);
      if (std::isalpha(c))
        word += char(std::tolower(c));
      else
        end_word();
    }
  }
  end_word();
  return found;
}

int main(int argc, char** argv) {
  const std::vector<std::string> paths(argv + 1, argv + argc);
  try {
    weft::run([&] {
      std::vector<weft::fiber<counts>> readers;
      for (const auto& path : paths) readers.push_back(weft::spawn([&path] { return count_words(path); }));
      counts sum;
      while (!readers.empty()) {
        const auto done = readers.begin() + std::ptrdiff_t(weft::when_any(readers).wait());
        for (const auto& [word, count] : done->join()) sum[word] += count;
        readers.erase(done);
      }
      std::vector<std::pair<std::string, std::size_t>> order(sum.begin(), sum.end());
      std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      for (std::size_t i = 0; i < order.size() && i < 10; ++i)
        std::printf("%7zu %s\n", order[i].second, order[i].first.c_str());
    });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "word_count: %s\n", e.what());
    return 1;
  }
}
