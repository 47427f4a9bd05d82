#include "data/tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/decoder.h"
#include "data/tokenizer/normalizer.h"
#include "data/tokenizer/post_processor.h"
#include "data/tokenizer/pre_tokenizer.h"
#include "data/tokenizer/token_model.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr JsonLimits kTokenizerLimits = {
    .bytes = int64_t{256} << 20, .depth = 64, .string_bytes = int64_t{1} << 20, .values = int64_t{1} << 22};
constexpr size_t kLongestText = size_t{1} << 30;   // bytes: positions are 32 bits wide

template <class Component>
Component read_or_none(const JsonField& file, std::string_view key) {
    const auto component = file.find(key);
    return component ? Component(*component) : Component();
}

void expect_text(std::string_view text) {
    if (text.size() > kLongestText)
        throw UserError("LIMIT", "text", "", fmt::format("has {} bytes, at most {}", text.size(), kLongestText),
                        "split it");
    const size_t wrong = first_invalid_utf8(text);
    if (wrong != std::string_view::npos)
        throw UserError("ENCODING", "text", fmt::format("byte {}", wrong), "is not UTF-8", "convert it to UTF-8");
}

}   // namespace

struct Tokenizer::Parts {
    Parts(const JsonField& file, ModelLists lists, const ModelSource& source)
        : normalizer(read_or_none<Normalizer>(file, "normalizer")),
          pre_tokenizer(read_or_none<PreTokenizer>(file, "pre_tokenizer")),
          model(make_token_model(file.at("model"), std::move(lists), pre_tokenizer.alphabet())),
          added(file.find("added_tokens"), model->vocabulary(), normalizer),
          post_processor(read_or_none<PostProcessor>(file, "post_processor")),
          decoder(read_or_none<TokenDecoder>(file, "decoder")) {
        for (const auto* ids : {&post_processor.before(), &post_processor.after()})
            for (const int32_t id : *ids)
                if (id >= vocab_size())
                    file.at("post_processor")
                        .refuse("RANGE", fmt::format("adds token {}, the last one is {}", id, vocab_size() - 1),
                                "fetch the file again");
        special = read_special_tokens(source, {.id_of = [this](std::string_view token) { return id_of(token); },
                                               .token = [this](int32_t id) { return token(id); }});
    }

    int64_t vocab_size() const { return model->vocabulary().size() + added.beyond_model(); }

    std::optional<int32_t> id_of(std::string_view text) const {
        if (const auto id = added.id_of(text)) return id;
        return model->vocabulary().id_of(text);
    }

    std::optional<std::string> token(int32_t id) const {
        if (const AddedToken* own = added.by_id(id)) return own->content;
        if (id < 0 || id >= model->vocabulary().size()) return std::nullopt;
        return std::string(model->vocabulary().token(id));
    }

    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    std::unique_ptr<TokenModel> model;
    AddedTokens added;
    PostProcessor post_processor;
    TokenDecoder decoder;
    SpecialTokens special;
};

namespace {

// One text on its way to tokens. Vectors are reused from piece to piece.
class Encoder {
public:
    struct Stages {
        const Normalizer& normalizer;
        const PreTokenizer& pre_tokenizer;
        const TokenModel& model;
        const AddedTokens& added;
    };
    Encoder(const Stages& stages, bool traced, Encoding& out) : stages_(stages), traced_(traced), out_(out) {}

    void encode(std::string_view text) {
        stages_.added.raw().split(text, raw_parts_);
        for (const TextPart& part : raw_parts_) {
            if (part.id >= 0) {
                emit(part.id, {static_cast<uint32_t>(part.begin), static_cast<uint32_t>(part.end)});
                continue;
            }
            TracedText piece = TracedText::plain(text.substr(part.begin, part.end - part.begin), part.begin, traced_);
            stages_.normalizer.apply(piece);
            encode_normalized(std::move(piece), part.begin == 0);
        }
    }

private:
    // `first`: the piece begins the text.
    void encode_normalized(TracedText piece, bool first) {
        stages_.added.normalized().split(piece.text, normalized_parts_);
        if (normalized_parts_.size() == 1 && normalized_parts_[0].id < 0) {
            encode_piece(std::move(piece), first);
            return;
        }
        for (const TextPart& part : normalized_parts_) {
            if (part.id >= 0)
                emit(part.id, piece.span(part.begin, part.end));
            else
                encode_piece(piece.part(part.begin, part.end), first && part.begin == 0);
        }
    }

    void encode_piece(TracedText piece, bool first) {
        stages_.pre_tokenizer.split(piece, first, pre_tokens_);
        for (const PreToken& one : pre_tokens_) {
            stages_.model.encode(std::string_view(piece.text).substr(one.begin, one.end - one.begin), symbols_);
            for (const Symbol& symbol : symbols_)
                emit(symbol.id, piece.span(one.begin + symbol.begin, one.begin + symbol.end));
        }
    }

    void emit(int32_t id, TextSpan span) {
        out_.ids.push_back(id);
        if (traced_) out_.spans.push_back(span);
    }

    Stages stages_;
    bool traced_;
    Encoding& out_;
    std::vector<TextPart> raw_parts_, normalized_parts_;
    std::vector<PreToken> pre_tokens_;
    std::vector<Symbol> symbols_;
};

}   // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const ModelSource& source) {
    const std::string label = source.label("tokenizer.json");
    ModelLists lists(label);
    const Json json =
        parse_json(source.text("tokenizer.json", kTokenizerLimits.bytes), label, kTokenizerLimits, lists.parts());
    return Tokenizer(std::make_unique<const Parts>(JsonField(json, label, ""), std::move(lists), source));
}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
    return load(FolderModel(folder));
}

static Encoding run(const Encoder::Stages& stages, const PostProcessor* around, bool traced, std::string_view text) {
    expect_text(text);
    Encoding out;
    const auto add = [&](const std::vector<int32_t>& ids, size_t at) {
        out.ids.insert(out.ids.end(), ids.begin(), ids.end());
        if (traced)
            out.spans.insert(out.spans.end(), ids.size(), {static_cast<uint32_t>(at), static_cast<uint32_t>(at)});
    };
    if (around != nullptr) add(around->before(), 0);
    Encoder(stages, traced, out).encode(text);
    if (around != nullptr) add(around->after(), text.size());
    return out;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, AddSpecialTokens special) const {
    const Parts& p = *parts_;
    return run({p.normalizer, p.pre_tokenizer, *p.model, p.added},
               special == AddSpecialTokens::kYes ? &p.post_processor : nullptr, false, text)
        .ids;
}

Encoding Tokenizer::encode_with_spans(std::string_view text, AddSpecialTokens special) const {
    const Parts& p = *parts_;
    return run({p.normalizer, p.pre_tokenizer, *p.model, p.added},
               special == AddSpecialTokens::kYes ? &p.post_processor : nullptr, true, text);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, SkipSpecialTokens special) const {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (const int32_t id : ids) {
        if (special == SkipSpecialTokens::kYes && is_special(id)) continue;
        if (auto text = token(id)) tokens.push_back(std::move(*text));
    }
    return parts_->decoder.decode(std::move(tokens));
}

int64_t Tokenizer::vocab_size() const {
    return parts_->vocab_size();
}
std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
    return parts_->id_of(token);
}
std::optional<std::string> Tokenizer::token(int32_t id) const {
    return parts_->token(id);
}
const SpecialTokens& Tokenizer::special_tokens() const {
    return parts_->special;
}

bool Tokenizer::is_special(int32_t id) const {
    const AddedToken* token = parts_->added.by_id(id);
    return token != nullptr && token->special;
}

std::vector<std::string> Tokenizer::notes() const {
    std::vector<std::string> notes;
    const auto compare = [&](const char* flag, const std::optional<bool>& said,
                             const std::optional<SpecialToken>& token, const std::vector<int32_t>& added) {
        if (!said || !token) return;
        const bool done = std::find(added.begin(), added.end(), token->id) != added.end();
        if (done != *said)
            notes.push_back(
                fmt::format("tokenizer_config.json says {} {}, but tokenizer.json {} {}: tokenizer.json holds", flag,
                            *said, done ? "adds" : "does not add", in_quotes(token->text)));
    };
    compare("add_bos_token", parts_->special.add_bos, parts_->special.bos, parts_->post_processor.before());
    compare("add_eos_token", parts_->special.add_eos, parts_->special.eos, parts_->post_processor.after());
    return notes;
}

void expect_vocabulary_fits(const Tokenizer& tokenizer, int64_t embedding_rows, const std::string& file) {
    if (tokenizer.vocab_size() <= embedding_rows) return;
    throw UserError(
        "SHAPE", file, "model.vocab",
        fmt::format("{} tokens, but the model's embedding has {} rows", tokenizer.vocab_size(), embedding_rows),
        "use the tokenizer that belongs to the model");
}

}   // namespace llmft
