// What --model names, seen alike by every command: the small files of a Hugging Face model folder by their names there
// ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json", …), and
// the weights by their Hugging Face names. A source that is no folder writes those files from what it holds.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/io/json.h"
#include "engine/io/model_weights.h"

namespace llmft {

class ModelSource {
public:
    virtual ~ModelSource() = default;

    const std::string& path() const { return path_; }   // as it was given
    virtual bool has(std::string_view file) const = 0;
    virtual std::string label(std::string_view file) const = 0;   // what errors call it
    // All of it. Not there: UserError MISSING; longer: LIMIT.
    virtual std::string text(std::string_view file, int64_t most_bytes) const = 0;
    Json json(std::string_view file, const JsonLimits&) const;
    // Opened anew by each call: what needs only the small files reads no weights. The source has to outlive them.
    virtual std::unique_ptr<ModelWeights> weights() const = 0;

protected:
    explicit ModelSource(std::string path) : path_(std::move(path)) {}

private:
    std::string path_;
};

// A folder as it stands. Nothing is read before it is asked for.
class FolderModel final : public ModelSource {
public:
    explicit FolderModel(const Path& folder) : ModelSource(folder.string()) {}

    bool has(std::string_view file) const override;
    std::string label(std::string_view file) const override;
    std::string text(std::string_view file, int64_t most_bytes) const override;
    std::unique_ptr<ModelWeights> weights() const override;   // errors: those of ModelFiles::open
};

}   // namespace llmft
