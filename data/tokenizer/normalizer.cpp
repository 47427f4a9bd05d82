#include "data/tokenizer/normalizer.h"

#include <array>
#include <utility>

#include "data/tokenizer/component.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft {
namespace {

constexpr std::array<std::pair<std::string_view, unicode::NormalForm>, 4> kForms = {{
    {"NFC", unicode::NormalForm::kNfc},
    {"NFD", unicode::NormalForm::kNfd},
    {"NFKC", unicode::NormalForm::kNfkc},
    {"NFKD", unicode::NormalForm::kNfkd},
}};

bool is_space_at(std::string_view text, size_t at) {
    return (unicode::classes_of(unicode::decode_utf8(text, at).value) & unicode::kSpace) != 0;
}

void strip(TracedText& piece, bool left, bool right) {
    const std::string_view text = piece.text;
    size_t begin = 0, end = text.size();
    while (left && begin < end && is_space_at(text, begin)) begin += unicode::decode_utf8(text, begin).bytes;
    while (right && end > begin) {
        const size_t last = unicode::character_before(text, end);
        if (!is_space_at(text, last)) break;
        end = last;
    }
    piece.strip(begin, end);
}

}   // namespace

Normalizer::Step Normalizer::read_step(const JsonField& part) {
    const std::string type = part.at("type").text();
    if (type == "Prepend") return {.kind = Kind::kPrepend, .content = part.at("prepend").text()};
    if (type == "Replace")
        return {.kind = Kind::kReplace, .content = part.at("content").text(), .pattern = TextPattern(part)};
    if (type == "Strip")
        return {
            .kind = Kind::kStrip, .left = part.flag_or("strip_left", true), .right = part.flag_or("strip_right", true)};
    for (const auto& [name, form] : kForms)
        if (type == name) return {.kind = Kind::kForm, .form = form};
    refuse_component(part, "normalizer");
}

Normalizer::Normalizer(const JsonField& component) {
    for (const JsonField& part : flatten_sequence(component, "normalizers")) steps_.push_back(read_step(part));
}

void Normalizer::apply(TracedText& piece) const {
    std::vector<TracedText::Edit> matches;
    for (const Step& step : steps_) {
        switch (step.kind) {
            case Kind::kPrepend: piece.prepend(step.content); break;
            case Kind::kReplace:
                step.pattern->find_all(piece.text, matches);
                piece.replace(matches, step.content);
                break;
            case Kind::kForm:
                if (!unicode::is_surely_normal(piece.text, step.form))
                    piece.transform(unicode::normal_form(piece.text, step.form));
                break;
            case Kind::kStrip: strip(piece, step.left, step.right); break;
        }
    }
}

}   // namespace llmft
