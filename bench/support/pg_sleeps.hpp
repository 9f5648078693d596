// SPDX-License-Identifier: BSL-1.0
// The query that libpq is asked for, whichever way: one that does nothing for a while.
#pragma once

#include "costs.hpp"

#include <libpq-fe.h>

#include <memory>
#include <vector>

namespace bench::postgres {

inline constexpr int connections = 100;

inline const char* address_argument(int argc, char** argv) {
  expect(argc == 2, "an argument: CONNECTION");
  return argv[1];
}

// By libpq's blocking calls.
class connection {
 public:
  explicit connection(const char* to) : it_(PQconnectdb(to), &PQfinish) {
    expect(PQstatus(it_.get()) == CONNECTION_OK, PQerrorMessage(it_.get()));
  }

  void sleep() const {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> rows(PQexec(it_.get(), "select pg_sleep(0.2)"), &PQclear);
    expect(PQresultStatus(rows.get()) == PGRES_TUPLES_OK, PQerrorMessage(it_.get()));
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> it_;
};

// One cost for each repeat.
inline void report_sleeps(std::string_view side, const std::vector<cost>& found) {
  std::vector<double> elapsed, cpu;
  for (const cost& c : found) {
    elapsed.push_back(c.seconds);
    cpu.push_back(c.cpu / connections * 1e6);
  }
  report("postgres/sleep", side, "s", elapsed);
  report("postgres/cpu", side, "us", cpu);
}

}  // namespace bench::postgres
