// SPDX-License-Identifier: BSL-1.0
// libpq, its synchronous calls, against a PostgreSQL server.
#include <libpq-fe.h>

#include <memory>
#include <string>

#include "clients/company.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;

namespace {

class connection {
 public:
  connection() : it_(PQconnectdb(address_of_server().c_str())) {
    REQUIRE_MESSAGE(PQstatus(it_.get()) == CONNECTION_OK, PQerrorMessage(it_.get()));
  }
  [[nodiscard]] PGconn* get() const { return it_.get(); }

  using result = std::unique_ptr<PGresult, void (*)(PGresult*)>;
  [[nodiscard]] result run(const std::string& query) const { return {PQexec(get(), query.c_str()), &PQclear}; }
  [[nodiscard]] ExecStatusType status_of(const std::string& query) const { return PQresultStatus(run(query).get()); }
  // The first column of the first row.
  [[nodiscard]] std::string value_of(const std::string& query) const {
    const auto answer = run(query);
    REQUIRE_MESSAGE(PQresultStatus(answer.get()) == PGRES_TUPLES_OK, PQerrorMessage(get()));
    return PQgetvalue(answer.get(), 0, 0);
  }
  [[nodiscard]] int number_of(const std::string& query) const { return std::stoi(value_of(query)); }

 private:
  struct end {
    void operator()(PGconn* which) const { PQfinish(which); }
  };
  std::unique_ptr<PGconn, end> it_;
};

}  // namespace

TEST_CASE("a hundred fibers on one worker sleep in the server at once, as the server sees") {
  on_one_worker([] {
    const int count = company_of(100);
    const connection own;
    bool seen = false;
    weft::latch all_are_there(count);
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([&] {
          const connection c;
          all_are_there.arrive_and_wait();
          // Longer each time: on a slow machine the first of them may have woken before the last one slept.
          for (double seconds = 0.2; !seen; seconds *= 2)
            CHECK(c.status_of("select pg_sleep(" + std::to_string(seconds) + ")") == PGRES_TUPLES_OK);
        });
      }
      until([&] {
        return own.number_of(
                   "select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'") == count;
      });
      seen = true;
    });
  });
}

TEST_CASE("a hundred fibers on one worker wait for one lock of the server at once") {
  on_one_worker([] {
    const int count = company_of(100);
    const connection own;
    CHECK(own.status_of("select pg_advisory_lock(7)") == PGRES_TUPLES_OK);
    int got = 0;
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([&] {
          const connection c;
          CHECK(c.status_of("select pg_advisory_lock_shared(7)") == PGRES_TUPLES_OK);
          ++got;
        });
      }
      until([&] {
        return own.number_of("select count(*) from pg_stat_activity where wait_event = 'advisory'") == count;
      });
      CHECK(got == 0);
      CHECK(own.value_of("select pg_advisory_unlock(7)") == "t");
    });
    CHECK(got == count);
  });
}

TEST_CASE("rows are copied in and out") {
  on_one_worker([] {
    by_each(10, [](int) {
      const connection c;
      REQUIRE(c.status_of("create temporary table rows (n int, t text)") == PGRES_COMMAND_OK);
      REQUIRE(c.status_of("copy rows from stdin") == PGRES_COPY_IN);
      const std::string text(500, 'x');
      for (int n = 0; n < 2'000; ++n) {
        const std::string row = std::to_string(n) + "\t" + text + "\n";
        REQUIRE(PQputCopyData(c.get(), row.data(), int(row.size())) == 1);
      }
      REQUIRE(PQputCopyEnd(c.get(), nullptr) == 1);
      while (const auto rest = connection::result(PQgetResult(c.get()), &PQclear))
        CHECK(PQresultStatus(rest.get()) == PGRES_COMMAND_OK);
      CHECK(c.value_of("select sum(n) from rows") == "1999000");
      REQUIRE(c.status_of("copy rows to stdout") == PGRES_COPY_OUT);
      std::size_t rows = 0, bytes = 0;
      char* row = nullptr;
      for (int size = 0; (size = PQgetCopyData(c.get(), &row, 0)) > 0; PQfreemem(row), ++rows)
        bytes += std::size_t(size);
      CHECK(rows == 2'000);
      CHECK(bytes == 2'000 * 502 + 10 + 2 * 90 + 3 * 900 + 4 * 1'000);
      while (connection::result(PQgetResult(c.get()), &PQclear)) {
      }
      CHECK(PQtransactionStatus(c.get()) == PQTRANS_IDLE);
    });
  });
}

TEST_CASE("an error of PostgreSQL's is libpq's to tell, and the connection lives on") {
  on_one_worker([] {
    const connection c;
    CHECK(c.status_of("select 1 / 0") == PGRES_FATAL_ERROR);
    CHECK(std::string(PQerrorMessage(c.get())).find("division by zero") != std::string::npos);
    CHECK(c.value_of("select 6 * 7") == "42");
  });
}

TEST_CASE("a deadline ends a query by an error of libpq's, and PQreset makes the connection good again") {
  on_one_worker([] {
    const connection c;
    CHECK_THROWS_AS(weft::with_timeout(50ms,
                                       [&] {
                                         CHECK(c.status_of("select pg_sleep(3600)") == PGRES_FATAL_ERROR);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    CHECK(std::string(PQerrorMessage(c.get())).find("canceled") != std::string::npos);
    PQreset(c.get());
    CHECK(PQstatus(c.get()) == CONNECTION_OK);
    CHECK(c.value_of("select 6 * 7") == "42");
  });
}

TEST_CASE("a cancelled scope does not end the query in the server: that is PQcancel's") {
  on_one_worker([] {
    const connection c, own;
    const std::string active = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid = " +
                               std::to_string(PQbackendPID(c.get()));
    bool was_told = false;
    auto asker = weft::spawn([&] {
      CHECK(c.status_of("select pg_sleep(3600)") == PGRES_FATAL_ERROR);
      was_told = weft::this_fiber::cancelled();
    });
    until([&] { return own.number_of(active) == 1; });
    asker.cancel();
    asker.join();
    CHECK(was_told);
    CHECK(own.number_of(active) == 1);
    const std::unique_ptr<PGcancel, void (*)(PGcancel*)> canceller(PQgetCancel(c.get()), &PQfreeCancel);
    char why[256] = {};
    CHECK_MESSAGE(PQcancel(canceller.get(), why, sizeof why) == 1, why);
    until([&] { return own.number_of(active) == 0; });
  });
}
