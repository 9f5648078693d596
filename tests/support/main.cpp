// SPDX-License-Identifier: BSL-1.0
// The entry of every test program.
#define DOCTEST_CONFIG_IMPLEMENT
// Crashes are counted by ./dev; handlers of doctest's would stand between a test and weft's own.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>

#include "support/session.hpp"

namespace {

weft::test::session* session = nullptr;

// Hands the start and end of each test case to the session.
struct listener : doctest::IReporter {
  explicit listener(const doctest::ContextOptions&) {}
  void test_case_start(const doctest::TestCaseData& in) override { session->begin(in.m_name); }
  void test_case_end(const doctest::CurrentTestCaseStats& in) override { session->end(in.testCaseSuccess); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("session", 1, listener);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  weft::test::session here;
  session = &here;
  const int result = context.run();
  return result == 0 && here.leaked() ? 1 : result;
}
