#include "tools/open_model.h"

#include <fmt/format.h>

#include "data/tokenizer/gguf_tokenizer.h"
#include "engine/io/model_files.h"
#include "model/gguf.h"
#include "tools/output_folder.h"

namespace llmft {
namespace {

// A GGUF file, as the folder that its metadata describe.
class GgufModel final : public ModelSource {
public:
    explicit GgufModel(const Path& file) : ModelSource(file.string()), gguf_(Gguf::open(file)) {}

    bool has(std::string_view file) const override {
        if (file == "config.json" || file == "generation_config.json") return true;
        if (file == "chat_template.jinja") return !gguf_chat_template(gguf_).empty();
        return (file == "tokenizer.json" || file == "tokenizer_config.json") &&
               gguf_.find_value("tokenizer.ggml.model").has_value();
    }
    std::string label(std::string_view file) const override { return path() + ": " + std::string(file); }

    std::string text(std::string_view file, int64_t most_bytes) const override {
        std::string text = write(file);
        if (static_cast<int64_t>(text.size()) > most_bytes)
            throw UserError("LIMIT", path(), file, "would be larger than is read", "use another model");
        return text;
    }

    std::unique_ptr<ModelWeights> weights() const override { return gguf_weights(gguf_, gguf_placements(gguf_)); }

private:
    std::string write(std::string_view file) const {
        if (file == "config.json") return gguf_config(gguf_);
        if (file == "generation_config.json") return gguf_generation_config(gguf_);
        if (file == "tokenizer.json") return gguf_tokenizer_json(gguf_);
        if (file == "tokenizer_config.json") return gguf_tokenizer_config(gguf_);
        if (file == "chat_template.jinja" && has(file)) return std::string(gguf_chat_template(gguf_));
        throw UserError("MISSING", path(), file, "the metadata hold none", "use a Hugging Face folder");
    }

    Gguf gguf_;
};

// Many folders of the hub hold GGUF files alone.
void refuse_folder_of_ggufs(const Path& folder) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / "config.json", ignored)) return;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.path().extension() == ".gguf")
            throw UserError("MISSING", (folder / "config.json").string(), "", "is not there, but a GGUF file is",
                            "give the file: --model " + entry.path().string());
}

// OWNER/NAME, and no such folder here.
bool is_hub_name(const std::string& path) {
    constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const size_t slash = path.find('/');
    return slash != std::string::npos && slash > 0 && slash + 1 < path.size() && path.front() != '.' &&
           path.find_first_not_of(kOfNames, slash + 1) == std::string::npos &&
           path.find_first_not_of(kOfNames) == slash;
}

}   // namespace

void expect_regular_files(const Path& folder) {
    int64_t size = 0;
    const auto expect_regular = [&](std::string_view name) {
        if (is_there(folder / name)) open_regular_file(folder / name, size);
    };
    expect_regular("config.json");
    for (const std::string_view name : tokenizer_files()) expect_regular(name);
}

std::unique_ptr<ModelSource> open_model(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return std::make_unique<GgufModel>(path);
    if (is_hub_name(path) && !std::filesystem::exists(path, ignored))
        throw UserError("MISSING", path, "", "no such folder, and llmft fetches nothing",
                        fmt::format("check the path, or get the folder: hf download {} --local-dir DIR", path));
    refuse_folder_of_ggufs(path);
    expect_regular_files(path);
    return std::make_unique<FolderModel>(path);
}

}   // namespace llmft
