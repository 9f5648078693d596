// SPDX-License-Identifier: BSL-1.0
// What something costs that is done many times: how long each takes, and how much CPU of this process.
#pragma once

#include "report.hpp"

#include <string>
#include <vector>

namespace bench {

struct cost {
  double seconds;
  double cpu;
};

// From its making on.
class meter {
 public:
  [[nodiscard]] cost so_far() const { return {watch_.seconds(), cpu_seconds() - before_}; }

 private:
  stopwatch watch_;
  double before_ = cpu_seconds();
};

// A cost for each repeat in which it was done `count` times.
class costs {
 public:
  explicit costs(double count) : count_(count) {}

  void add(const cost& of) {
    time_.push_back(of.seconds / count_ * 1e6);
    cpu_.push_back(of.cpu / count_ * 1e6);
  }

  void report_as(const std::string& measure, std::string_view side) const {
    report(measure + "/time", side, "us", time_);
    report(measure + "/cpu", side, "us", cpu_);
  }

 private:
  double count_;
  std::vector<double> time_, cpu_;
};

}  // namespace bench
