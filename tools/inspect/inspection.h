// What `inspect` finds out about something: one JSON document, and the same as a page for people. Every function here
// reads and changes nothing; a file that is damaged is a UserError with file and field, while something whole that
// llmft cannot use is a finding with the reason.
#pragma once

#include <optional>
#include <string>

#include "engine/io/model_source.h"
#include "engine/io/safetensors.h"

namespace llmft {

struct Inspection {
    OrderedJson json;
    std::string page;
};

struct InspectOptions {
    std::string path;
    std::string model;            // of an adapter: the base to compare it with
    bool tensors = false;         // a line for every tensor
    std::optional<bool> values;   // count NaN and infinite values; not set: in files of up to 1 GiB
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("inspect");
        v("model", model, "an adapter's base model: is it the right one");
        v("tensors", tensors, "a line for every tensor, not only for the first ones");
        v("values", values, "count NaN and infinite values (not set: in files of up to 1 GiB)");
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

// Recognises what the path is. Throws UserError where it is nothing that llmft knows.
Inspection inspect_path(const InspectOptions& options);

Inspection inspect_checkpoint(const Path& folder);   // of a training run
// The output folder of a training run that left no result there yet.
bool is_run(const Path& folder);
Inspection inspect_run(const Path& folder);
Inspection inspect_adapter(const Path& folder, const InspectOptions& options);
Inspection inspect_model(const ModelSource& model);
Inspection inspect_tokenizer(const ModelSource& folder);
Inspection inspect_safetensors(const Path& file, const InspectOptions& options);
Inspection inspect_gguf(const Path& file, const InspectOptions& options);
Inspection inspect_rows(const Path& file);
Inspection inspect_template_file(const Path& file);

// `inspect data`, `inspect decode`, `inspect template`: commands with options of their own.
int inspect_data(const std::vector<std::string>& arguments);
int inspect_decode(const std::vector<std::string>& arguments);
int inspect_template(const std::vector<std::string>& arguments);

}   // namespace llmft
