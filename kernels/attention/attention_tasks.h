// What the CPU's attention tasks are and in which order they start: the longest first, so that no thread is left with
// one at the end. The order changes no bit.
#pragma once

#include <cstdint>

namespace llmft::cpu {

struct AttentionTask {
    int64_t document;
    int64_t first_query;   // in its document
    int64_t queries;
    int64_t pairs;   // query-key pairs, about: what it costs
};

struct AttentionTasks {
    const AttentionTask* list;
    int64_t count;
};

constexpr int64_t kWholeDocuments = INT64_MAX / 2;

// Every document cut into pieces of `piece` queries. Documents without queries have one empty piece if `piece` is
// kWholeDocuments: their keys' gradients are still to be written. The list lies in a buffer of the calling thread that
// the next call overwrites.
AttentionTasks attention_tasks(const int32_t* cu_q, const int32_t* cu_k, int64_t documents, int64_t window,
                               int64_t piece);

}   // namespace llmft::cpu
