#include "data/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"

namespace llmft {
namespace {

void expect(bool holds, const char* flag, const std::string& what, const char* remedy) {
    if (!holds) throw UserError("VALUE", flag, "", what, remedy);
}

}   // namespace

void DataOptions::validate() const {
    expect(!dataset_text_field.empty(), "--dataset-text-field", "is empty", "name a field of the rows");
    expect(max_seq_length >= 2, "--max-seq-length", fmt::format("is {}", max_seq_length),
           "give at least 2: one token predicts one");
    constexpr int64_t kMostTokens = int64_t{1} << 24;
    expect(max_seq_length <= kMostTokens, "--max-seq-length", fmt::format("is {}", max_seq_length),
           "give at most 16777216");
    expect(eval_split >= 0 && eval_split < 1, "--eval-split", fmt::format("is {}", eval_split),
           "give a share from 0 to below 1");
    expect(eval_split == 0 || eval_dataset.empty(), "--eval-split", "stands beside --eval-dataset", "give one of them");
    expect(max_line_mib >= 1 && max_line_mib <= 1024, "--max-line-mib", fmt::format("is {}", max_line_mib),
           "give 1 to 1024");
}

std::vector<std::string> split_file_list(const std::string& list, const std::string& flag) {
    std::vector<std::string> files;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t end = std::min(list.find(',', begin), list.size());
        files.push_back(list.substr(begin, end - begin));
        expect(!files.back().empty(), flag.c_str(), fmt::format("'{}' names a file without a name", list),
               "write FILE or FILE,FILE");
        begin = end + 1;
    }
    return files;
}

}   // namespace llmft
