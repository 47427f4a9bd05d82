// The parts of report.html by themselves: escaping, curves, and the page of a run.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/tools/self_contained.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/report/run_report.h"

using namespace llmft;
using namespace llmft::test;

namespace {

StepRecord record_of(int64_t step, double loss) {
    StepRecord r;
    r.step = step;
    r.loss = loss;
    r.grad_norm = 0.5;
    r.learning_rate = 2e-4;
    r.num_tokens = 100 * step;
    r.tokens_per_second = 1000;
    r.mean_token_accuracy = 0.25;
    r.step_ms = 100;
    return r;
}

RunReport report_of(int64_t steps) {
    RunReport report = {.model = "tiny", .method = "lora", .status = "done", .total_steps = steps};
    for (int64_t i = 1; i <= steps; ++i) report.records.push_back(record_of(i, 1 / static_cast<double>(i)));
    return report;
}

}   // namespace

TEST_CASE("no text can leave its place in a page") {
    CHECK(escape_html("<b a=\"1\" c='2'>&amp;") == "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
    CHECK(escape_html("a\nb\tc") == "a\nb\tc");
    CHECK(escape_html(std::string("\0\x1b[31m\x7f", 7)) == "\\x00\\x1b[31m\\x7f");
    CHECK(escape_html("é\xff\xc0<") == "é\\xff\\xc0&lt;");
    CHECK(escape_html("") == "");
}

TEST_CASE("a shortened text is cut between characters and says so") {
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("abcd", 3) == "abc…");
    CHECK(shortened("aéb", 2) == "a…");
}

TEST_CASE("a thinned curve keeps its extremes, its order and few points") {
    Curve curve;
    for (int i = 0; i < 100'003; ++i) curve.push_back({.x = double(i), .y = std::sin(i * 0.001)});
    curve[77'777].y = 9;
    curve[50'001].y = -9;
    curve[12].y = NAN;
    const Curve thin = thinned(curve, 400);
    CHECK(thin.size() <= 800);
    double low = 0, high = 0;
    for (size_t i = 0; i < thin.size(); ++i) {
        CHECK(std::isfinite(thin[i].y));
        if (i > 0) CHECK(thin[i].x > thin[i - 1].x);
        low = std::min(low, thin[i].y), high = std::max(high, thin[i].y);
    }
    CHECK(low == -9);
    CHECK(high == 9);
    CHECK(thinned({{1, 2}, {2, NAN}, {3, 4}}, 400).size() == 2);
}

TEST_CASE("a moving mean of a line is the line, away from its ends") {
    Curve line;
    for (int i = 0; i < 1000; ++i) line.push_back({.x = double(i), .y = 2.0 * i});
    const Curve smooth = moving_mean(line, 20, 100);
    CHECK(smooth.size() == 100);
    for (size_t i = 5; i + 5 < smooth.size(); ++i) CHECK(smooth[i].y == 2 * smooth[i].x);   // sums of whole numbers
}

TEST_CASE("axes hold every value and have ticks at round numbers") {
    const Curve curve = {{1, 0.37}, {2, 2.9}}, wide = {{1, 1e-4}, {2, 3}}, flat = {{1, 5}}, none = {};
    const Axis axis = value_axis({&curve}, Axis::Choice::kByRange);
    CHECK(axis.low == 0);
    CHECK(axis.high > 2.9);
    CHECK(axis.ticks(4) == std::vector<double>{0, 1, 2, 3});
    const Axis logarithmic = value_axis({&wide}, Axis::Choice::kByRange);
    CHECK(logarithmic.kind == Axis::Kind::kLogarithmic);
    CHECK(logarithmic.place(1e-4) > 0);
    CHECK(logarithmic.place(3) < 1);
    CHECK(logarithmic.ticks(4).size() >= 3);
    CHECK(value_axis({&wide}, Axis::Choice::kLinear).kind == Axis::Kind::kLinear);
    for (const Curve* odd : {&flat, &none}) {
        const Axis a = value_axis({odd}, Axis::Choice::kByRange);
        CHECK(a.high > a.low);
        CHECK(a.ticks(4).size() <= 10);
    }
}

TEST_CASE("a run's page is self-contained, whatever its rows and names are called") {
    const std::string hostile =
        "</script><script src=\"http://x/a.js\">alert(1)</script><img src=x onerror=alert(1)>'\"";
    RunReport report = report_of(3);
    report.model = report.method = report.status = report.trainable = hostile;
    report.counts.dropped = {{.row = 1, .where = hostile + ":2", .reason = hostile}};
    report.counts.cut = {hostile};
    report.counts.truncated = 1;
    report.data_notes = {hostile};
    report.memory = {{.name = hostile, .bytes = 10, .count = 1}};
    report.samples = {{.prompt = hostile, .reference = hostile, .before = "\x1b]0;x\x07", .after = hostile}};
    report.next = {{hostile, hostile}};
    std::string value = hostile;
    report.settings = {{.name = "model", .group = "model", .help = "", .target = &value}};
    const std::string page = run_page(report);
    expect_self_contained(page);
    CHECK(page.find("&lt;/script&gt;&lt;script src=&quot;http://x/a.js&quot;&gt;") != std::string::npos);
    CHECK(page.find('\x1b') == std::string::npos);
}

TEST_CASE("the page of a long run is as small as that of a short one") {
    const size_t long_run = run_page(report_of(100'000)).size();
    CAPTURE(long_run);
    CHECK(long_run < size_t{300} << 10);
}

TEST_CASE("a page without steps, and one whose losses are not finite, is made all the same") {
    expect_self_contained(run_page(report_of(0)));
    RunReport report = report_of(2);
    report.records[0].loss = NAN;
    report.records[1].loss = INFINITY;
    const std::string page = run_page(report);
    expect_self_contained(page);
    CHECK(page.find("not finite") != std::string::npos);
    CHECK(page.find("nan") == std::string::npos);
    CHECK(page.find("inf") == std::string::npos);
}

TEST_CASE("a histogram's bars hold every value once") {
    std::string html = histogram_html({.title = "t", .unit = "u", .values = {1, 1, 2, 90, 100}});
    int64_t sum = 0;
    for (size_t at = html.find("title=\""); at != std::string::npos; at = html.find("title=\"", at + 1))
        sum += std::stoll(html.substr(html.find(": ", at) + 2));
    CHECK(sum == 5);
    CHECK(histogram_html({.title = "t", .unit = "u", .values = {}}) == "");
}
