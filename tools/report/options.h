// What a run writes about itself beside its result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llmft {

struct ReportOptions {
    std::string report_to = "jsonl,html";
    int64_t report_samples = 3;

    template <class V>
    void visit(V&& v) {
        v.group("logging");
        v("report-to", report_to,
          "report.html, TensorBoard event files, or none of them; metrics.jsonl is always written",
          {.list_of = "jsonl|html|tensorboard|none"});
        v("report-samples", report_samples, "answers before and after training that report.html shows (0: none)",
          {.at_least = 0, .at_most = 16});
    }

    bool to(std::string_view what) const;   // "html", "tensorboard"
};

}   // namespace llmft
