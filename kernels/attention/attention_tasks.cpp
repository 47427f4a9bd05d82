#include "kernels/attention/attention_tasks.h"

#include <algorithm>
#include <vector>

#include "kernels/attention/attention.h"

namespace llmft::cpu {

AttentionTasks attention_tasks(const int32_t* cu_q, const int32_t* cu_k, int64_t documents, int64_t window,
                               int64_t piece) {
    thread_local std::vector<AttentionTask> tasks;
    tasks.clear();
    for (int64_t document = 0; document < documents; ++document) {
        const int64_t queries = cu_q[document + 1] - cu_q[document];
        const int64_t keys = cu_k[document + 1] - cu_k[document];
        for (int64_t first = 0; first < queries || (first == 0 && piece == kWholeDocuments); first += piece) {
            const int64_t count = std::min(piece, queries - first);
            const int64_t before = std::max<int64_t>(0, first + count + keys - queries);
            const int64_t visible = window > 0 ? std::min(window, before) : before;
            tasks.push_back({.document = document, .first_query = first, .queries = count, .pairs = count * visible});
        }
    }
    std::sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.pairs > b.pairs; });
    return {.list = tasks.data(), .count = static_cast<int64_t>(tasks.size())};
}

int64_t attention_workspace_bytes(DType t, int64_t keys, int64_t kv_heads, int64_t head_dim) {
    return t == DType::kF32 ? 0 : keys * 2 * kv_heads * head_dim * size_bytes(DType::kF32);
}

}   // namespace llmft::cpu
