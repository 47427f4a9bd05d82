#include "tools/generate/requests.h"

#include <fmt/format.h>

#include "data/jsonl.h"
#include "engine/io/file.h"

namespace llmft {
namespace {

constexpr int64_t kLongestLine = int64_t{64} << 20;
constexpr int64_t kMostRequests = 1 << 20;

// Rows and texts of one file on their way to ids.
class RequestReader {
public:
    RequestReader(const GenerateOptions& options, const Tokenizer& tokenizer, const ChatFormat* format)
        : options_(options), tokenizer_(tokenizer), format_(format) {}

    void add_text(const std::string& text, const std::string& where) {
        add({.ids = options_.chat ? ids_of(first_messages(options_.system, text), nullptr)
                                  : tokenizer_.encode(text, AddSpecialTokens::kYes),
             .adapter = "",
             .where = where});
    }

    void add_row(const OrderedJson& row, const std::string& where) {
        if (!row.is_object()) refuse(where, "", fmt::format("the row is {}, wanted an object", row.type_name()));
        const std::string adapter = text_of(row, "adapter", where).value_or("");
        if (const auto prompt = text_of(row, "prompt", where)) {
            add_text(*prompt, where);
        } else if (const auto messages = row.find("messages"); messages != row.end()) {
            expect_messages(*messages, where);
            if (format_ == nullptr)
                throw UserError("MISSING", where, "messages",
                                "the model has no chat template, so it was not taught to chat",
                                "give rows of prompt, or put a chat_template.jinja into the model's folder");
            const OrderedJson tools = row.value("tools", OrderedJson());
            if (!tools.is_null() && !tools.is_array()) refuse(where, "tools", "wanted an array of JSON schemas");
            add({.ids = ids_of(*messages, tools), .adapter = "", .where = where});
        } else {
            refuse(where, "", "it has neither prompt nor messages");
        }
        requests_.back().adapter = adapter;
    }

    std::vector<GenerationRequest> take() { return std::move(requests_); }

private:
    [[noreturn]] static void refuse(const std::string& where, std::string_view field, const std::string& what) {
        throw UserError("SCHEMA", where, field, what,
                        "write {\"prompt\": \"...\"} or {\"messages\": [{\"role\": \"user\", \"content\": \"...\"}]}");
    }

    static std::optional<std::string> text_of(const OrderedJson& row, const char* key, const std::string& where) {
        const auto field = row.find(key);
        if (field == row.end() || field->is_null()) return std::nullopt;
        if (!field->is_string()) refuse(where, key, fmt::format("is {}, wanted a text", field->type_name()));
        return field->get<std::string>();
    }

    static void expect_messages(const OrderedJson& messages, const std::string& where) {
        if (!messages.is_array() || messages.empty()) refuse(where, "messages", "wanted a list of messages");
        for (const OrderedJson& one : messages)
            if (!one.is_object() || !one.contains("role") || !one.at("role").is_string())
                refuse(where, "messages", "a message is an object with a role");
    }

    std::vector<int32_t> ids_of(const OrderedJson& messages, const OrderedJson& tools) const {
        return format_->ids({.messages = messages, .tools = tools});
    }

    void add(GenerationRequest request) {
        if (request.ids.empty())
            throw UserError("DATA", request.where, "", "the prompt has no tokens", "give some text");
        if (static_cast<int64_t>(requests_.size()) == kMostRequests)
            throw UserError("LIMIT", request.where, "", fmt::format("more than {} prompts", kMostRequests),
                            "split the file");
        requests_.push_back(std::move(request));
    }

    const GenerateOptions& options_;
    const Tokenizer& tokenizer_;
    const ChatFormat* format_;
    std::vector<GenerationRequest> requests_;
};

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t") == std::string::npos;
}

}   // namespace

OrderedJson first_messages(const std::string& system, const std::string& text) {
    OrderedJson messages = OrderedJson::array();
    if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
    messages.push_back({{"role", "user"}, {"content", text}});
    return messages;
}

std::vector<GenerationRequest> read_requests(const GenerateOptions& options, const Tokenizer& tokenizer,
                                             const ChatFormat* format) {
    RequestReader reader(options, tokenizer, format);
    if (options.prompt) {
        reader.add_text(*options.prompt, "--prompt");
        return reader.take();
    }
    const Path path = options.prompt_file;
    LineReader lines(path, kLongestLine);
    const bool rows = path.extension() == ".jsonl" || path.extension() == ".json";
    std::string line;
    while (lines.next(line)) {
        if (is_blank(line)) continue;
        if (rows)
            reader.add_row(parse_ordered_json(line, lines.where(), {.bytes = kLongestLine}), lines.where());
        else
            reader.add_text(line, lines.where());
    }
    std::vector<GenerationRequest> requests = reader.take();
    if (requests.empty())
        throw UserError("DATA", options.prompt_file, "", "there is no prompt in it", "write one on each line");
    return requests;
}

}   // namespace llmft
