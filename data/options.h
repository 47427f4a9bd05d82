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

    // v(name, member, help, limits) for each option.
    template <class Visitor>
    void visit(Visitor&& v) {
        v("dataset", dataset, "rows to learn from: JSONL, or a JSON array; several files with commas between");
        v("dataset-format", dataset_format, "what a row is; auto asks the first one",
          {.one_of = "auto|text|prompt_completion|tokens", .later = "instruction|messages|sharegpt|preference|kto"});
        v("dataset-text-field", dataset_text_field, "the field of text rows");
        v("completion-only-loss", completion_only_loss, "learn the completion alone; auto: where there is a prompt",
          {.one_of = "auto|true|false"});
        v("append-eos", append_eos, "end rows with the end-of-text token; auto: field text and completions",
          {.one_of = "auto|always|never"});
        v("max-seq-length", max_seq_length, "most tokens of a row");
        v("truncation", truncation, "what becomes of a longer row; right cuts its end off",
          {.one_of = "error|drop|right"});
        v("eval-dataset", eval_dataset, "rows to evaluate on");
        v("eval-split", eval_split, "share of the rows to hold out for evaluation");
        v("packing", packing, "examples side by side in one pack (not built yet)",
          {.one_of = "none", .later = "bfd|wrapped"});
        v("shuffle", shuffle, "a new order every epoch; false: the order of the files");
        v("data-seed", data_seed, "seed of the order; else --seed");
        v("max-line-mib", max_line_mib, "longest line of a JSONL file, MiB");
    }

    // Refuses (VALUE) what visit's limits do not.
    void validate() const;
};

// "a,b" → a, b. An empty name is refused.
std::vector<std::string> split_file_list(const std::string& list, const std::string& flag);

}   // namespace llmft
