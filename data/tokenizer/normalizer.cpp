#include "data/tokenizer/normalizer.h"

#include <numeric>

#include "data/tokenizer/component.h"

namespace llmft {

TracedText TracedText::plain(std::string text, bool traced) {
    TracedText piece{std::move(text), {}};
    if (traced) {
        piece.origin.resize(piece.text.size() + 1);
        std::iota(piece.origin.begin(), piece.origin.end(), 0u);
    }
    return piece;
}

void TracedText::replace(const std::vector<Edit>& edits, std::string_view content) {
    if (edits.empty()) return;
    std::string out;
    std::vector<uint32_t> from;
    out.reserve(text.size() + edits.size() * content.size());
    if (!origin.empty()) from.reserve(text.size() + edits.size() * content.size() + 1);
    const auto keep = [&](size_t begin, size_t end) {
        out.append(text, begin, end - begin);
        if (!origin.empty()) from.insert(from.end(), origin.begin() + begin, origin.begin() + end);
    };
    size_t done = 0;
    for (const Edit& edit : edits) {
        keep(done, edit.at);
        out.append(content);
        if (!origin.empty()) from.insert(from.end(), content.size(), origin[edit.at]);
        done = edit.at + edit.bytes;
    }
    keep(done, text.size());
    if (!origin.empty()) from.push_back(origin.back());
    text = std::move(out);
    origin = std::move(from);
}

Normalizer::Normalizer(const JsonField& component) {
    for (const JsonField& part : flatten_sequence(component, "normalizers")) {
        const std::string type = part.at("type").text();
        if (type == "Prepend")
            steps_.push_back({.pattern = "", .content = part.at("prepend").text()});
        else if (type == "Replace")
            steps_.push_back({.pattern = literal_pattern(part), .content = part.at("content").text()});
        else
            refuse_component(part, "normalizer");
    }
}

void Normalizer::apply(TracedText& piece) const {
    std::vector<TracedText::Edit> edits;
    for (const Step& step : steps_) {
        edits.clear();
        if (step.pattern.empty()) {
            if (!piece.text.empty()) edits.push_back({0, 0});
        } else {
            for (size_t hit = piece.text.find(step.pattern); hit != std::string::npos;
                 hit = piece.text.find(step.pattern, hit + step.pattern.size()))
                edits.push_back({hit, step.pattern.size()});
        }
        piece.replace(edits, step.content);
    }
}

}   // namespace llmft
