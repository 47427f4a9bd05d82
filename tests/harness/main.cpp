// doctest's runner. The last line is "N passed, N failed, N skipped", counted in test cases, for people and CI alike;
// before it stands a line for each case that failed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "tests/harness/random.h"
#include "tests/harness/skip.h"

namespace llmft::test {
namespace {

struct Counts {
    int passed = 0;
    int failed = 0;
    int skipped = 0;
};
Counts counts;
bool skipping = false;
const char* running = "";
std::string place, failures;

class Counter : public doctest::IReporter {
public:
    explicit Counter(const doctest::ContextOptions&) {}
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_start(const doctest::TestCaseData& data) override {
        running = data.m_name;
        place = fmt::format("{}:{}", data.m_file.c_str(), data.m_line);
        skipping = false;
    }
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        if (stats.failure_flags == doctest::TestCaseFailureReason::None) {
            ++(skipping ? counts.skipped : counts.passed);
            return;
        }
        ++counts.failed;
        failures += fmt::format("failed: {}: {}\n", place, running);
    }
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("counter", 1, Counter);

}   // namespace

void skip(const std::string& reason) {
    skipping = true;
    std::printf("skipped: %s: %s\n", running, reason.c_str());
}

int run(int argc, char** argv) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
    doctest::Context context(argc, argv);
    const int status = context.run();
    if (!context.shouldExit())
        fmt::print("{}{} passed, {} failed, {} skipped\n", failures, counts.passed, counts.failed, counts.skipped);
    return status;
}

}   // namespace llmft::test

int main(int argc, char** argv) {
    return llmft::test::run(argc, argv);
}
