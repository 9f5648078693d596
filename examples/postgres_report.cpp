// SPDX-License-Identifier: BSL-1.0
// postgres_report [CONNECTION [MILLISECONDS]]: asks a PostgreSQL server several questions at once, by libpq's blocking
// calls on fibers of one thread, and prints the answers in the order of the questions. What is not answered in that time,
// 2,000 ms if not said, is given up, here and in the server. Linked with weft-hooks.
#include <libpq-fe.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>
#include <weft/weft.hpp>

namespace {

using connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

struct question {
  const char* name;
  const char* query;
  std::string answer = "too slow";
};

std::string ask(const connection& to, const char* query) {
  const result rows(PQexec(to.get(), query), &PQclear);
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) return std::string("failed: ") + PQerrorMessage(to.get());
  return PQgetvalue(rows.get(), 0, 0);
}

// The server goes on with a query whose client has gone.
void cancel(const connection& which) {
  const std::unique_ptr<PGcancel, void (*)(PGcancel*)> canceller(PQgetCancel(which.get()), &PQfreeCancel);
  char why[256];
  if (!PQcancel(canceller.get(), why, sizeof why)) std::fprintf(stderr, "postgres_report: %s\n", why);
}

void answer(question& q, const char* where, std::chrono::milliseconds patience) {
  const connection to(PQconnectdb(where), &PQfinish);
  if (PQstatus(to.get()) != CONNECTION_OK) {
    q.answer = PQerrorMessage(to.get());
    return;
  }
  const bool in_time = weft::try_for(patience, [&] {
    std::string text = ask(to, q.query);
    weft::this_fiber::check_cancelled();  // libpq has made an error of it
    q.answer = std::move(text);
  });
  if (!in_time) cancel(to);
}

}  // namespace

int main(int count, char** words) {
  const char* const where = count > 1 ? words[1] : "";
  const std::chrono::milliseconds patience(count > 2 ? std::atoi(words[2]) : 2'000);
  std::vector<question> questions = {
      {"tables and indexes", "select count(*) > 0 from pg_class"},
      {"functions", "select count(*) > 0 from pg_proc"},
      {"a hundred thousand rows", "select sum(n) from generate_series(1, 100000) n"},
      {"after a while", "select 'done' from pg_sleep(0.1)"},
      {"after an hour", "select 'done' from pg_sleep(3600)"},
  };
  weft::run(
      [&] {
        weft::with_scope([&](weft::scope& all) {
          for (question& q : questions) all.spawn([&] { answer(q, where, patience); });
        });
      },
      {.workers = 1});
  for (const question& q : questions) std::printf("%-25s %s\n", q.name, q.answer.c_str());
}
