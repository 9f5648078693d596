// SPDX-License-Identifier: BSL-1.0
// MariaDB Connector/C, its synchronous calls, against a MariaDB server.
#include <mysql.h>

#include <memory>
#include <string>

#include "clients/company.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;

namespace {

// Before threads and fibers use it, and behind them.
struct library {
  library() { REQUIRE(mysql_library_init(0, nullptr, nullptr) == 0); }
  ~library() { mysql_library_end(); }
};

class connection {
 public:
  connection() : it_(mysql_init(nullptr)) {
    const auto at = words_of_server();
    REQUIRE_MESSAGE(
        mysql_real_connect(get(), at[0].c_str(), "weft", "weft", nullptr, unsigned(std::stoi(at[1])), nullptr, 0),
        mysql_error(get()));
  }
  [[nodiscard]] MYSQL* get() const { return it_.get(); }

  // The first column of the first row; empty without rows.
  [[nodiscard]] std::string value_of(const std::string& query) const {
    run(query);
    const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> rows(mysql_store_result(get()), &mysql_free_result);
    const MYSQL_ROW row = rows ? mysql_fetch_row(rows.get()) : nullptr;
    return row && row[0] ? row[0] : "";
  }
  void run(const std::string& query) const {
    REQUIRE_MESSAGE(mysql_query(get(), query.c_str()) == 0, mysql_error(get()));
  }

 private:
  struct end {
    void operator()(MYSQL* which) const { mysql_close(which); }
  };
  std::unique_ptr<MYSQL, end> it_;
};

std::string how_many(const std::string& state) {
  return "select count(*) from information_schema.processlist where state = '" + state + "'";
}

}  // namespace

TEST_CASE("a hundred fibers on one worker sleep in MariaDB at once, as the server sees") {
  const library whole;
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
          for (double seconds = 0.2; !seen; seconds *= 2)
            CHECK(c.value_of("select sleep(" + std::to_string(seconds) + ")") == "0");
        });
      }
      until([&] { return own.value_of(how_many("User sleep")) == std::to_string(count); });
      seen = true;
    });
  });
}

TEST_CASE("a hundred fibers on one worker wait for one lock of MariaDB's at once") {
  const library whole;
  on_one_worker([] {
    const int count = company_of(100);
    const connection own;
    CHECK(own.value_of("select get_lock('gate', 60)") == "1");
    int got = 0;
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([&] {
          const connection c;
          CHECK(c.value_of("select get_lock('gate', 60)") == "1");
          ++got;
        });
      }
      until([&] { return own.value_of(how_many("User lock")) == std::to_string(count); });
      CHECK(got == 0);
      CHECK(own.value_of("select release_lock('gate')") == "1");
    });
    CHECK(got == count);
  });
}

TEST_CASE("rows are written by prepared statements, and read row by row as they come") {
  const library whole;
  on_one_worker([] {
    by_each(20, [](int i) {
      const connection c;
      c.run("create temporary table test.own (n int, t varchar(2000))");
      const std::unique_ptr<MYSQL_STMT, my_bool (*)(MYSQL_STMT*)> statement(mysql_stmt_init(c.get()),
                                                                            &mysql_stmt_close);
      const std::string query = "insert into test.own values (?, ?)";
      REQUIRE(mysql_stmt_prepare(statement.get(), query.data(), query.size()) == 0);
      std::string text(1'500, 'x');
      int number = 0;
      MYSQL_BIND values[2] = {};
      values[0].buffer_type = MYSQL_TYPE_LONG;
      values[0].buffer = &number;
      values[1].buffer_type = MYSQL_TYPE_STRING;
      values[1].buffer = text.data();
      values[1].buffer_length = text.size();
      REQUIRE(mysql_stmt_bind_param(statement.get(), values) == 0);
      for (number = 0; number < 100; ++number) REQUIRE(mysql_stmt_execute(statement.get()) == 0);
      c.run("select n, t from test.own order by n");
      MYSQL_RES* const rows = mysql_use_result(c.get());
      int seen = 0;
      while (const MYSQL_ROW row = mysql_fetch_row(rows)) {
        CHECK(row[0] == std::to_string(seen));
        CHECK(row[1] == text);
        ++seen;
        if (i % 2) weft::this_fiber::yield();
      }
      mysql_free_result(rows);
      CHECK(seen == 100);
    });
  });
}

TEST_CASE("an error of MariaDB's is the connector's to tell, and the connection lives on") {
  const library whole;
  on_one_worker([] {
    const connection c;
    CHECK(mysql_query(c.get(), "select from nowhere") != 0);
    CHECK(mysql_errno(c.get()) == 1064);  // a syntax error
    CHECK(c.value_of("select 6 * 7") == "42");
  });
}

TEST_CASE("a deadline ends a query by an error of the connector's") {
  const library whole;
  on_one_worker([] {
    const connection c;
    CHECK_THROWS_AS(weft::with_timeout(50ms,
                                       [&] {
                                         CHECK(mysql_query(c.get(), "select sleep(3600)") != 0);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    CHECK(mysql_errno(c.get()) == 2013);  // the connection is lost
    CHECK(mysql_query(c.get(), "select 1") != 0);
  });
}
