// What a user may say about data. Names, defaults and meanings are those of `llmft train`'s data options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmft {

struct DataOptions {
    std::string dataset;
    std::string dataset_format = "auto";
    std::string dataset_text_field = "text";
    std::string completion_only_loss = "auto";
    std::string append_eos = "auto";
    int64_t max_seq_length = 2048;
    std::string truncation = "right";
    std::string eval_dataset;
    double eval_split = 0;
    std::string packing = "none";
    bool shuffle = true;
    std::optional<int64_t> data_seed;
    int64_t max_line_mib = 64;

    // v(name, member, help) for each option.
    template <class Visitor>
    void visit(Visitor&& v) {
        v("dataset", dataset, "rows to learn from: JSONL, or a JSON array; several files with commas between");
        v("dataset-format", dataset_format,
          "auto|text|prompt_completion|tokens: what a row is; auto asks the first one");
        v("dataset-text-field", dataset_text_field, "the field of text rows");
        v("completion-only-loss", completion_only_loss,
          "auto|true|false: learn the completion alone; auto: where there is a prompt");
        v("append-eos", append_eos,
          "auto|always|never: end rows with the end-of-text token; auto: field text and completions");
        v("max-seq-length", max_seq_length, "most tokens of a row");
        v("truncation", truncation, "error|drop|right: what becomes of a longer row; right cuts its end off");
        v("eval-dataset", eval_dataset, "rows to evaluate on");
        v("eval-split", eval_split, "share of the rows to hold out for evaluation");
        v("packing", packing, "examples side by side in one pack (not built yet)", {.one_of = "none"});
        v("shuffle", shuffle, "a new order every epoch; false: the order of the files");
        v("data-seed", data_seed, "seed of the order; else --seed");
        v("max-line-mib", max_line_mib, "longest line of a JSONL file, MiB");
    }

    // Refuses (VALUE) a value outside what its help says.
    void validate() const;
};

// "a,b" → a, b. An empty name is refused.
std::vector<std::string> split_file_list(const std::string& list, const std::string& flag);

}   // namespace llmft
