// The parts of report.html by themselves: escaping, curves, and the page of a run.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/harness/temp_folder.h"
#include "tests/tools/browser.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/self_contained.h"
#include "tools/report/chart.h"
#include "tools/report/html.h"
#include "tools/report/run_figures.h"
#include "tools/report/run_names.h"
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
    RunReport report = {.name = "dates", .status = "done", .about = {"tiny: lora"}, .total_steps = steps};
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

TEST_CASE("a path as a URL leads to no other scheme and out of no attribute") {
    CHECK(encoded_path("../a-b_c.d~/1/report.html") == "../a-b_c.d~/1/report.html");
    CHECK(encoded_path("javascript:x?#\"<é %41") == "javascript%3Ax%3F%23%22%3C%C3%A9%20%2541");
}

TEST_CASE("a thinned curve keeps its extremes, its gaps, its order and few points") {
    Curve curve;
    for (int i = 0; i < 100'003; ++i) curve.push_back({.x = double(i), .y = std::sin(i * 0.001)});
    curve[77'777].y = 9;
    curve[50'001].y = -9;
    curve[12].y = NAN;
    const Curve thin = thinned(curve, 400);
    CHECK(thin.size() <= 1200);
    double low = 0, high = 0;
    for (size_t i = 0; i < thin.size(); ++i) {
        CHECK(std::isfinite(thin[i].y) == (thin[i].x != 12));
        if (i > 0) CHECK(thin[i].x > thin[i - 1].x);
        if (!std::isfinite(thin[i].y)) continue;
        low = std::min(low, thin[i].y), high = std::max(high, thin[i].y);
    }
    CHECK(low == -9);
    CHECK(high == 9);
    CHECK(stretches(thin).size() == 2);
}

TEST_CASE("a chart breaks its line at gaps, and a point without neighbours is a dot") {
    const std::string html = chart_html({.curves = {{.points = {{1, 1}, {2, 2}, {3, NAN}, {4, 2}, {5, NAN}}}}});
    CHECK(html.find("<path class=\"line c0\" d=\"M0.0 963.0L250.0 37.0\"/>") != std::string::npos);
    CHECK(html.find("<path class=\"dots c0\" d=\"M750.0 37.0h0\"/>") != std::string::npos);
}

TEST_CASE("what has no value has no chart and no place in the legend") {
    const ChartCurve none = {.name = "nothing", .points = {{1, NAN}, {2, INFINITY}}};
    CHECK(charts_html({{.title = "Loss", .curves = {none}}, {.title = "Speed"}}) == "");
    const std::string html = charts_html({{.title = "Loss", .curves = {none, {.name = "one", .points = {{1, 1}}}}}});
    CHECK(html.find("nothing") == std::string::npos);
    CHECK(html.find(">one</li>") != std::string::npos);
}

TEST_CASE("a curve is smoothed from where a fiftieth of it is more than one step") {
    Curve curve;
    for (int i = 1; i < 100; ++i) curve.push_back({.x = double(i), .y = 1.0});
    CHECK(smoothed(curve).window == 1);
    CHECK(smoothed(curve).points.size() == 99);
    curve.push_back({.x = 100, .y = 1});
    CHECK(smoothed(curve).window == 3);
    CHECK(smoothed_curves("loss", curve, 0).back().name == "loss, mean of 3 steps");
}

TEST_CASE("steps have ticks at whole numbers, one step in the middle") {
    const Curve one = {{7, 1}}, two = {{7, 1}, {8, 1}};
    CHECK(step_axis({&one}).ticks(5) == std::vector<double>{7});
    CHECK(step_axis({&one}).place(7) == 0.5);
    CHECK(step_axis({&two}).ticks(5) == std::vector<double>{7, 8});
}

TEST_CASE("figures of records leave out what is not finite, and their best loss is of a step that was taken") {
    std::vector<StepRecord> records = {record_of(1, 4), record_of(2, 1), record_of(3, 2), record_of(4, NAN)};
    records[1].skipped = "why";
    records[2].eval_loss = 3;
    records[3].step_ms = records[3].tokens_per_second = NAN;
    records[2].tokens_per_second = 3000;
    records[1].tokens_per_second = 2000;
    const RunFigures figures = figures_of(records);
    CHECK(figures.steps == 4);
    CHECK(figures.tokens == 400);
    CHECK(figures.seconds == doctest::Approx(0.3));   // a sum of three rounded tenths
    CHECK(figures.tokens_per_second == 2000);
    CHECK(std::isnan(figures.loss.value()));
    CHECK(figures.best_loss.value().x == 3);
    CHECK(figures.best_loss.value().y == 2);
    CHECK(figures.eval_loss == 3);
    CHECK(figures.best_eval_loss.value().x == 3);
    CHECK(figures_of({}).loss == std::nullopt);
    CHECK(figures_of({}).tokens_per_second == std::nullopt);
}

TEST_CASE("a name is a folder's last, however it was given, and LoRA over four bits is QLoRA") {
    for (const char* path : {"a/b", "a/b/", "a/b/.", "/a/c/../b", "b"}) CHECK(last_name(path) == "b");
    CHECK(last_name(".") == std::filesystem::current_path().filename().string());
    CHECK(last_name("") == "");
    CHECK(method_name("lora", BaseWeights::kFourBits) == "qlora");
    CHECK(method_name("lora", BaseWeights::kWhole) == "lora");
    CHECK(method_name("full", BaseWeights::kWhole) == "full");
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
    report.name = report.status = hostile;
    report.about = {hostile, hostile};
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

TEST_CASE("large numbers have room in any window") {
    RunReport report = report_of(3);
    for (StepRecord& r : report.records) r.tokens_per_second = 123'456'789'012;
    const TempFolder folder;
    put(folder.path() / "page.html", run_page(report));
    expect_fits_windows(folder.path() / "page.html");
}

TEST_CASE("a histogram's bars hold every value once") {
    std::string html = histogram_html({.title = "t", .unit = "u", .values = {1, 1, 2, 90, 100}});
    int64_t sum = 0;
    for (size_t at = html.find("title=\""); at != std::string::npos; at = html.find("title=\"", at + 1))
        sum += std::stoll(html.substr(html.find(": ", at) + 2));
    CHECK(sum == 5);
    CHECK(histogram_html({.title = "t", .unit = "u", .values = {}}) == "");
}
