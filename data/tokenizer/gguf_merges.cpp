#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "data/tokenizer/gguf_tokenizer.h"

namespace llmft {
namespace {

constexpr size_t kMostWork = size_t{1} << 30;     // bytes looked up; real vocabularies take some millions
constexpr size_t kMostMerges = size_t{1} << 22;   // as of any tokenizer

struct Candidate {
    uint32_t left, right;
    float score;
    uint32_t left_characters, right_characters;
};

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

using Ids = std::unordered_map<std::string_view, uint32_t>;

// The piece's cuts, by the ids of their parts.
std::vector<Candidate> cuts_of(std::string_view piece, float score, const Ids& ids) {
    std::vector<Candidate> cuts;
    const auto characters = static_cast<uint32_t>(std::count_if(piece.begin(), piece.end(), begins_character));
    uint32_t before = 1;   // characters left of the cut
    for (size_t at = 1; at < piece.size(); ++at) {
        if (!begins_character(piece[at])) continue;
        const auto left = ids.find(piece.substr(0, at));
        if (left != ids.end()) {
            const auto right = ids.find(piece.substr(at));
            if (right != ids.end()) cuts.push_back({left->second, right->second, score, before, characters - before});
        }
        ++before;
    }
    std::sort(cuts.begin(), cuts.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.left, a.right) < std::tie(b.left, b.right);
    });
    return cuts;
}

}   // namespace

std::vector<ScoredMerge> merges_by_score(const std::vector<std::string_view>& pieces, const std::vector<float>& scores,
                                         const std::vector<bool>& usable, const GgufValue& tokens) {
    Ids ids;
    size_t work = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        if (!usable[i]) continue;
        ids.emplace(pieces[i], static_cast<uint32_t>(i));
        work += pieces[i].size() * pieces[i].size();   // no overflow: a string has at most 2^24 bytes, 2^16 pieces do
        if (work > kMostWork) tokens.refuse("LIMIT", "its pieces are too long to be cut", "use another model");
    }
    std::vector<Candidate> merges;
    for (size_t i = 0; i < pieces.size(); ++i) {
        if (!usable[i]) continue;
        const std::vector<Candidate> cuts = cuts_of(pieces[i], scores[i], ids);
        merges.insert(merges.end(), cuts.begin(), cuts.end());
        if (merges.size() > kMostMerges)
            tokens.refuse("LIMIT", fmt::format("makes more than {} merges", kMostMerges), "use another model");
    }
    std::stable_sort(merges.begin(), merges.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.score, a.left_characters, a.right_characters) >
               std::tie(b.score, b.left_characters, b.right_characters);
    });
    std::vector<ScoredMerge> result;
    result.reserve(merges.size());
    for (const Candidate& m : merges) result.push_back({m.left, m.right});
    return result;
}

}   // namespace llmft
