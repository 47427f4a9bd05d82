#include <fmt/format.h>

#include <cstdio>

#include "engine/io/json.h"
#include "engine/log/log.h"
#include "model/decode.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/inference.h"
#include "tools/open_model.h"
#include "tools/signals.h"

namespace llmft {
namespace {

struct GenerateOptions {
    std::string prompt;
    int64_t max_new_tokens = 256;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("generation");
        v("prompt", prompt, "text to continue");
        v("max-new-tokens", max_new_tokens, "most tokens to produce", {.at_least = 0, .at_most = 1 << 24});
        v.group("output");
        v("json", json, "one JSON document on stdout: text, ids, finish_reason");
    }
};

// Prints text as it becomes whole: what may still change (an unfinished character) waits.
class Printer {
public:
    explicit Printer(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
    void add(int32_t id) {
        ids_.push_back(id);
        const std::string text = tokenizer_.decode(ids_, SkipSpecialTokens::kYes);
        constexpr std::string_view kReplacement = "\xef\xbf\xbd";
        if (text.size() <= printed_ || text.ends_with(kReplacement)) return;
        std::fwrite(text.data() + printed_, 1, text.size() - printed_, stdout);
        std::fflush(stdout);
        printed_ = text.size();
    }
    std::string text() const { return tokenizer_.decode(ids_, SkipSpecialTokens::kYes); }
    void finish() { fmt::print("{}\n", text().substr(std::min(printed_, text().size()))); }

private:
    const Tokenizer& tokenizer_;
    std::vector<int32_t> ids_;
    size_t printed_ = 0;
};

}   // namespace

int cmd_generate(const std::vector<std::string>& arguments) {
    ModelOptions options;
    GenerateOptions generate;
    Flags flags("generate", "continues a text, greedily: the likeliest token each time");
    flags.add(options);
    flags.add(generate);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "prompt"});

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    const Tokenizer tokenizer = Tokenizer::load(*model);
    expect_vocabulary_fits(tokenizer, config.vocab_size, model->label("tokenizer.json"));
    const std::vector<int32_t> prompt = tokenizer.encode(generate.prompt, AddSpecialTokens::kYes);
    if (prompt.empty()) throw UserError("DATA", "--prompt", "", "it has no tokens", "give some text");
    const auto prompt_tokens = static_cast<int64_t>(prompt.size());
    const int64_t capacity = prompt_tokens + generate.max_new_tokens;
    if (capacity > config.max_position_embeddings)
        log::note(fmt::format("{} tokens pass the model's {} positions", capacity, config.max_position_embeddings));

    const DType dtype = options.compute_dtype();
    const DecodeOptions decode = {.max_new_tokens = generate.max_new_tokens,
                                  .stop_ids = stop_ids(*model, config, tokenizer)};
    Inference inference = open_inference(options, *model, config, prompt_tokens, [&](Session& dry) {
        Run run = dry.run();
        DecodeSlots(dry.model(), capacity, prompt_tokens, dtype, run)
            .greedy(dry.model(), prompt,
                    {.max_new_tokens = std::min<int64_t>(2, decode.max_new_tokens), .stop_ids = {}}, nullptr, run);
    });
    Run run = inference.session->run();
    DecodeSlots decoder(inference.session->model(), capacity, prompt_tokens, dtype, run);
    log::release();
    Printer printer(tokenizer);
    const auto print = generate.json ? std::function<void(int32_t)>() : [&](int32_t id) { printer.add(id); };
    const Decoded decoded = decoder.greedy(inference.session->model(), prompt, decode, print, run);
    if (!generate.json) {
        printer.finish();
        return 0;
    }
    const OrderedJson result = {{"text", tokenizer.decode(decoded.ids, SkipSpecialTokens::kYes)},
                                {"ids", decoded.ids},
                                {"finish_reason", decoded.finish == FinishReason::kStop ? "stop" : "length"}};
    fmt::print("{}", json_line(result));
    return 0;
}

}   // namespace llmft
