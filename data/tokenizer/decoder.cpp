#include "data/tokenizer/decoder.h"

#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "data/tokenizer/byte_level.h"
#include "data/tokenizer/component.h"
#include "data/unicode/utf8.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

std::string concatenate(const std::vector<std::string>& tokens) {
    return std::accumulate(tokens.begin(), tokens.end(), std::string(), [](std::string all, const std::string& token) {
        all += token;
        return all;
    });
}

// A token with a character outside the alphabet stands for its own UTF-8.
void append_bytes_of(const std::string& token, std::string& bytes) {
    const size_t before = bytes.size();
    for (size_t at = 0; at < token.size();) {
        const unicode::CodePoint point = unicode::decode_utf8(token, at);
        const auto byte = byte_level_byte(point.value);
        if (!byte) {
            bytes.resize(before);
            bytes += token;
            return;
        }
        bytes.push_back(static_cast<char>(*byte));
        at += point.bytes;
    }
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The byte of "<0xHH>"; the library's number parser also lets "<0x+H>" by.
std::optional<char> fallback_byte(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
    const int high = token[3] == '+' ? 0 : hex_digit(token[3]), low = hex_digit(token[4]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
}

// Runs of byte tokens become their text; a run that is not UTF-8 becomes one U+FFFD a byte.
std::vector<std::string> join_bytes(const std::vector<std::string>& tokens) {
    std::vector<std::string> out;
    std::string run;
    const auto end_run = [&] {
        if (run.empty()) return;
        if (first_invalid_utf8(run) == std::string_view::npos)
            out.push_back(run);
        else
            out.insert(out.end(), run.size(), "\xef\xbf\xbd");
        run.clear();
    };
    for (const std::string& token : tokens) {
        if (const auto byte = fallback_byte(token)) {
            run.push_back(*byte);
        } else {
            end_run();
            out.push_back(token);
        }
    }
    end_run();
    return out;
}

std::string strip(std::string_view token, std::string_view character, size_t start, size_t stop) {
    for (size_t i = 0; i < start && token.starts_with(character); ++i) token.remove_prefix(character.size());
    for (size_t i = 0; i < stop && token.ends_with(character); ++i) token.remove_suffix(character.size());
    return std::string(token);
}

// Every place where `pattern` stands in `text` becomes `content`, from left to right.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
    std::string out;
    size_t at = 0;
    for (size_t hit = text.find(pattern); hit != std::string_view::npos; hit = text.find(pattern, at)) {
        out.append(text, at, hit - at).append(content);
        at = hit + pattern.size();
    }
    return out.append(text, at);
}

// English punctuation as it is written, not as it was cut.
std::string cleaned_up(std::string text) {
    constexpr std::pair<std::string_view, std::string_view> kRules[] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [cut, written] : kRules) text = replace_all(text, cut, written);
    return text;
}

}   // namespace

TokenDecoder::TokenDecoder(const JsonField& component) : present_(true) {
    for (const JsonField& part : flatten_sequence(component, "decoders")) steps_.push_back(read_step(part));
}

TokenDecoder::Step TokenDecoder::read_step(const JsonField& part) {
    const std::string type = part.at("type").text();
    if (type == "ByteLevel") return {.kind = Kind::kByteLevel};
    if (type == "ByteFallback") return {.kind = Kind::kByteFallback};
    if (type == "Fuse") return {.kind = Kind::kFuse};
    if (type == "Replace")
        return {.kind = Kind::kReplace, .pattern = TextPattern(part), .content = part.at("content").text()};
    if (type == "Metaspace")
        return {
            .kind = Kind::kMetaspace,
            .content = one_character(part.at("replacement")),
            .prepended = part.text_or("prepend_scheme", "always") != "never" && part.flag_or("add_prefix_space", true)};
    if (type == "WordPiece")
        return {.kind = Kind::kWordPiece,
                .content = part.text_or("prefix", "##"),
                .clean_up = part.flag_or("cleanup", true)};
    if (type != "Strip") refuse_component(part, "decoder");
    return {.kind = Kind::kStrip,
            .content = one_character(part.at("content")),
            .start = static_cast<size_t>(part.at("start").integer(0, INT32_MAX)),
            .stop = static_cast<size_t>(part.at("stop").integer(0, INT32_MAX))};
}

void TokenDecoder::apply(const Step& step, std::vector<std::string>& tokens) {
    switch (step.kind) {
        case Kind::kByteLevel: {
            std::string bytes;
            for (const std::string& token : tokens) append_bytes_of(token, bytes);
            tokens = {unicode::lossy_utf8(bytes)};
            return;
        }
        case Kind::kReplace: {
            std::vector<TracedText::Edit> matches;
            for (std::string& token : tokens) {
                step.pattern->find_all(token, matches);
                TracedText text{std::move(token), {}};
                text.replace(matches, step.content);
                token = std::move(text.text);
            }
            return;
        }
        case Kind::kByteFallback: tokens = join_bytes(tokens); return;
        case Kind::kFuse: tokens = {concatenate(tokens)}; return;
        case Kind::kStrip:
            for (std::string& token : tokens) token = strip(token, step.content, step.start, step.stop);
            return;
        case Kind::kMetaspace:
            for (size_t i = 0; i < tokens.size(); ++i)
                tokens[i] = replace_all(tokens[i], step.content, i == 0 && step.prepended ? "" : " ");
            return;
        case Kind::kWordPiece:
            for (size_t i = 0; i < tokens.size(); ++i) {
                if (i > 0 && tokens[i].starts_with(step.content))
                    tokens[i].erase(0, step.content.size());
                else if (i > 0)
                    tokens[i].insert(0, " ");
                if (step.clean_up) tokens[i] = cleaned_up(std::move(tokens[i]));
            }
            return;
    }
}

std::string TokenDecoder::decode(std::vector<std::string> tokens) const {
    if (!present_) {
        std::string text;
        for (size_t i = 0; i < tokens.size(); ++i) text.append(i > 0 ? " " : "").append(tokens[i]);
        return text;
    }
    for (const Step& step : steps_) apply(step, tokens);
    return concatenate(tokens);
}

}   // namespace llmft
