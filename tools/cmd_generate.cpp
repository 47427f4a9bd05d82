// generate: prompts, files of prompts and conversations → text.
#include <fmt/format.h>
#include <cstdio>

#include "engine/log/log.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/generate/chat_loop.h"
#include "tools/generate/interrupt.h"
#include "tools/generate/printer.h"
#include "tools/generate/prompts_progress.h"
#include "tools/open_model.h"

namespace llmft {
namespace {

constexpr int64_t kConversation = 4096;   // tokens of a conversation where nobody says how many

void expect_sense(const GenerateOptions& options) {
    const bool prompts = options.prompt || !options.prompt_file.empty();
    const auto refuse = [](const char* flag, const char* what, const char* remedy) {
        throw UserError("USAGE", flag, "", what, remedy);
    };
    if (options.prompt && !options.prompt_file.empty())
        refuse("--prompt-file", "--prompt is there, too", "give one of them");
    if (!prompts && !options.chat)
        refuse("--prompt", "missing", "give a prompt, a --prompt-file, or --chat for turns from stdin");
    if (!options.system.empty() && !options.chat) refuse("--system", "it begins a conversation", "add --chat");
}

bool is_row_file(const GenerateOptions& options) {
    const std::filesystem::path path = options.prompt_file;
    return path.extension() == ".jsonl" || path.extension() == ".json";
}

// A file's answers, in its order.
void print_answers(const std::vector<Decoded>& answers, const Tokenizer& tokenizer, bool json) {
    if (json) std::fputs("[", stdout);
    for (size_t i = 0; i < answers.size(); ++i) {
        if (json) {
            std::string line = json_line(answer_json(answers[i], tokenizer));
            line.pop_back();
            fmt::print("{}\n {}", i > 0 ? "," : "", line);
        } else {
            fmt::print("{}{}\n", i > 0 ? "---\n" : "", tokenizer.decode(answers[i].ids, SkipSpecialTokens::kYes));
        }
    }
    if (json) std::fputs("\n]\n", stdout);
}

int exit_code(const std::vector<Decoded>& answers) {
    const bool interrupted = std::any_of(answers.begin(), answers.end(), [](const Decoded& answer) {
        return answer.finish == FinishReason::kInterrupted;
    });
    return static_cast<int>(interrupted ? ExitCode::kStopped : ExitCode::kDone);
}

int answer_prompt(Generator& generator, const GenerationRequest& request, const Tokenizer& tokenizer, bool json,
                  const GenerationOptions& generation) {
    const InterruptScope interrupts;
    TextPrinter printer(tokenizer);
    const DecodeEvents events = {.on_token =
                                     [&](size_t, int32_t id) {
                                         if (!json) printer.add(id);
                                     },
                                 .stop_requested = InterruptScope::interrupted};
    const std::vector<Decoded> answers = answer_all(generator, {request}, generation, events);
    if (json)
        fmt::print("{}", json_line(answer_json(answers.front(), tokenizer)));
    else
        printer.finish();
    return exit_code(answers);
}

int answer_file(Generator& generator, const std::vector<GenerationRequest>& requests, const Tokenizer& tokenizer,
                bool json, const GenerationOptions& generation) {
    const InterruptScope interrupts;
    PromptsProgress progress(requests.size());
    const DecodeEvents events = {.on_token = [&](size_t, int32_t) { progress.token(); },
                                 .on_end = [&](size_t) { progress.end(); },
                                 .stop_requested = InterruptScope::interrupted};
    const std::vector<Decoded> answers = answer_all(generator, requests, generation, events);
    print_answers(answers, tokenizer, json);
    return exit_code(answers);
}

GenerationOptions generation_options(const GenerateOptions& options, std::vector<int32_t> stops,
                                     const ChatFormat* format) {
    if (format)
        if (const auto end = format->end_of_turn()) stops.push_back(*end);
    return {.max_new_tokens = options.max_new_tokens,
            .stop_ids = std::move(stops),
            .sampling = {.temperature = options.temperature,
                         .top_p = options.top_p,
                         .top_k = options.top_k,
                         .repetition_penalty = options.repetition_penalty,
                         .seed = static_cast<uint32_t>(options.seed)}};
}

GeneratorShape shape_for(const GenerateOptions& options, const std::vector<GenerationRequest>& requests,
                         const ModelConfig& config) {
    GeneratorShape shape;
    const auto count = static_cast<int64_t>(requests.size());
    int64_t longest = 0;
    for (const GenerationRequest& request : requests) {
        longest = std::max(longest, static_cast<int64_t>(request.ids.size()));
        if (!request.adapter.empty()) shape.switching = GeneratorShape::Switching::kNeeded;
    }
    shape.decode = {.documents = std::clamp<int64_t>(count, 1, options.batch_size),
                    .capacity = longest + options.max_new_tokens};
    if (requests.empty()) {
        shape.switching = GeneratorShape::Switching::kNeeded;
        shape.decode.capacity = options.max_seq_length > 0 ? options.max_seq_length
                                                           : std::min(kConversation, config.max_position_embeddings);
    }
    if (shape.decode.capacity > config.max_position_embeddings)
        log::note(fmt::format("{} tokens pass the model's {} positions", shape.decode.capacity,
                              config.max_position_embeddings));
    return shape;
}

}   // namespace

int cmd_generate(const std::vector<std::string>& arguments) {
    ModelOptions model_options;
    GenerateOptions options;
    MemoryOptions memory;
    Flags flags("generate", "text from a prompt, from each prompt of a file, or in a conversation");
    flags.add(model_options);
    flags.add(options);
    flags.add(memory);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model"});
    expect_sense(options);

    const auto model = open_model(model_options.model);
    const ModelConfig config = read_model_config(*model);
    const Tokenizer tokenizer = Tokenizer::load(*model);
    expect_vocabulary_fits(tokenizer, config.vocab_size, model->label("tokenizer.json"));
    std::optional<ChatFormat> format;
    if (options.chat || (is_row_file(options) && ChatFormat::has_template(*model))) format.emplace(*model, tokenizer);
    std::vector<GenerationRequest> requests;
    if (options.prompt || !options.prompt_file.empty())
        requests = read_requests(options, tokenizer, format ? &*format : nullptr);

    GeneratorShape shape = shape_for(options, requests, config);
    shape.limit_bytes = memory.limit_bytes();
    Generator generator(model_options, *model, config, shape);
    for (const GenerationRequest& request : requests)
        if (!request.adapter.empty()) generator.adapter_name(request.adapter);
    const GenerationOptions generation =
        generation_options(options, stop_ids(*model, config, tokenizer), format ? &*format : nullptr);
    log::release();
    if (requests.empty()) {
        chat_from_stdin(generator, *format, tokenizer, options, generation);
        return 0;
    }
    if (options.prompt) return answer_prompt(generator, requests.front(), tokenizer, options.json, generation);
    return answer_file(generator, requests, tokenizer, options.json, generation);
}

}   // namespace llmft
