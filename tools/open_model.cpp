#include "tools/open_model.h"

#include "kernels/base/error.h"

namespace llmft {

std::unique_ptr<ModelSource> open_model(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored))
        throw UserError("SYNTAX", path, "", "is a file, wanted a Hugging Face model folder", "give the folder");
    return std::make_unique<FolderModel>(path);
}

}   // namespace llmft
