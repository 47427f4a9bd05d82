#include "tools/generate/chat_loop.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "data/unicode/utf8.h"
#include "engine/io/quote.h"
#include "engine/log/log.h"
#include "tools/generate/interrupt.h"
#include "tools/generate/printer.h"

namespace llmft {
namespace {

class ChatLoop {
public:
    ChatLoop(Generator& generator, const ChatFormat& format, const Tokenizer& tokenizer, const GenerateOptions& options,
             const GenerationOptions& generation)
        : generator_(generator),
          format_(format),
          tokenizer_(tokenizer),
          options_(options),
          generation_(generation),
          is_terminal_(isatty(STDIN_FILENO) == 1) {
        generation_.past = GenerationOptions::Past::kKept;
    }

    void run() {
        std::string line;
        while (read(line)) {
            if (!line.empty() && line.back() == '\r') line.pop_back();
            if (line.find_first_not_of(" \t") == std::string::npos) continue;
            if (first_invalid_utf8(line) != std::string::npos) {
                log::warn("that turn is not UTF-8; it was not told");
                continue;
            }
            if (!obeyed(line)) turn(line);
        }
    }

private:
    bool read(std::string& line) const {
        if (is_terminal_) {
            std::fputs("> ", stderr);
            std::fflush(stderr);
        }
        return static_cast<bool>(std::getline(std::cin, line));
    }

    bool obeyed(const std::string& line) {
        if (line == "/clear") {
            messages_.clear();
            return true;
        }
        constexpr std::string_view kAdapter = "/adapter ";
        if (!line.starts_with(kAdapter)) return false;
        try {
            generator_.select(line.substr(kAdapter.size()));
        } catch (const UserError& error) {
            log::warn(error.what());
        }
        return true;
    }

    void turn(const std::string& text) {
        OrderedJson messages = messages_.empty() ? first_messages(options_.system, text) : messages_;
        if (!messages_.empty()) messages.push_back({{"role", "user"}, {"content", text}});
        const DecodePrompt prompt = {.ids = format_.ids({.messages = messages})};
        if (static_cast<int64_t>(prompt.ids.size()) >= generator_.shape().capacity) {
            log::warn(
                fmt::format("the conversation has {} tokens, there is room for {}: that turn was not told; "
                            "/clear begins anew, --max-seq-length makes room",
                            prompt.ids.size(), generator_.shape().capacity));
            return;
        }
        const InterruptScope interrupts;
        TextPrinter printer(tokenizer_);
        const DecodeEvents events = {.on_token =
                                         [&](size_t, int32_t id) {
                                             if (!options_.json) printer.add(id);
                                         },
                                     .stop_requested = InterruptScope::interrupted};
        const Decoded answer = generator_.run({&prompt, 1}, generation_, events).front();
        if (options_.json) {
            fmt::print("{}", json_line(answer_json(answer, tokenizer_)));
            std::fflush(stdout);
        } else {
            printer.finish();
        }
        messages_ = std::move(messages);
        messages_.push_back(
            {{"role", "assistant"}, {"content", tokenizer_.decode(answer.ids, SkipSpecialTokens::kYes)}});
    }

    Generator& generator_;
    const ChatFormat& format_;
    const Tokenizer& tokenizer_;
    const GenerateOptions& options_;
    GenerationOptions generation_;
    bool is_terminal_;
    OrderedJson messages_ = OrderedJson::array();
};

const char* name(FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop: return "stop";
        case FinishReason::kLength: return "length";
        case FinishReason::kEnough: return "enough";
        case FinishReason::kInterrupted: return "interrupted";
    }
    return "?";
}

}   // namespace

void chat_from_stdin(Generator& generator, const ChatFormat& format, const Tokenizer& tokenizer,
                     const GenerateOptions& options, const GenerationOptions& generation) {
    ChatLoop(generator, format, tokenizer, options, generation).run();
}

OrderedJson answer_json(const Decoded& decoded, const Tokenizer& tokenizer) {
    return {{"text", tokenizer.decode(decoded.ids, SkipSpecialTokens::kYes)},
            {"ids", decoded.ids},
            {"finish_reason", name(decoded.finish)}};
}

}   // namespace llmft
