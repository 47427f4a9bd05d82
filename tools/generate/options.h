// What `generate` can be told beside the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace llmft {

struct GenerateOptions {
    std::optional<std::string> prompt;
    std::string prompt_file;
    bool chat = false;
    std::string system;
    int64_t max_new_tokens = 256;
    double temperature = 0;
    double top_p = 1;
    int64_t top_k = 0;
    double repetition_penalty = 1;
    int64_t seed = 42;
    int64_t batch_size = 8;
    int64_t max_seq_length = 0;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("prompt");
        v("prompt", prompt, "text to continue; with --chat what the user says");
        v("prompt-file", prompt_file,
          "many prompts: .jsonl rows {\"prompt\": TEXT} or {\"messages\": [{\"role\", \"content\"}, ...]}, with "
          "\"tools\" and \"adapter\" (a name, or none) as wished; any other file: a prompt on each line");
        v("chat", chat,
          "prompts are a user's turns, told through the model's chat template; without a prompt, turns "
          "come from stdin, a line each");
        v("system", system, "with --chat: what the conversation begins with");
        v.group("sampling");
        v("max-new-tokens", max_new_tokens, "most tokens to produce", {.at_least = 0, .at_most = 1 << 24});
        v("temperature", temperature, "0: the likeliest token each time; 1: as the model has it", {.at_least = 0});
        v("top-p", top_p, "draw from the likeliest tokens that reach this probability together",
          {.above = 0, .at_most = 1});
        v("top-k", top_k, "draw from the k likeliest tokens (0: all)", {.at_least = 0});
        v("repetition-penalty", repetition_penalty, "above 1: what was said before becomes less likely", {.above = 0});
        v("seed", seed, "of the draws: the same seed gives the same text", {.at_least = 0, .at_most = 0xffffffff});
        v.group("batch");
        v("batch-size", batch_size, "prompts of a file decoded at once, fewer where memory is short; changes no text",
          {.at_least = 1, .at_most = 1024});
        v("max-seq-length", max_seq_length,
          "with --chat from stdin: most tokens of the conversation (0: the model's positions, at most 4096)",
          {.at_least = 0, .at_most = 1 << 24});
        v.group("output");
        v("json", json,
          "one JSON document on stdout: {\"text\", \"ids\", \"finish_reason\"}, for a file an array of "
          "them; from stdin one a line");
    }
};

}   // namespace llmft
