#include "engine/io/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "engine/io/quote.h"
#include "engine/io/stand_in.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kRemedy = "repair the file or fetch it again";

// A text of one line has no other line to tell it from: that of JSONL rows is named where they lie.
std::string place_in(std::string_view text, size_t at) {
    if (text.find('\n') == std::string_view::npos) return fmt::format("column {}", std::min(at, text.size()) + 1);
    const std::string_view before = text.substr(0, std::min(at, text.size()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    return fmt::format("line {}, column {}", lines + 1, before.size() - (newline + 1) + 1);
}

// Heap bytes behind what a value shows. A node of std::map has four words beside its pair.
constexpr int64_t kBlock = 16;   // malloc's own and its rounding
int64_t heap_bytes(const std::string& text) {
    const bool inside = text.capacity() <= std::string().capacity();
    return inside ? 0 : static_cast<int64_t>(text.size()) + kBlock;
}

// Receives the parser's events and builds the document. Each open object or array is one entry of a stack.
template <class J>
class Builder : public nlohmann::json_sax<J> {
public:
    using typename nlohmann::json_sax<J>::number_integer_t;
    using typename nlohmann::json_sax<J>::number_unsigned_t;
    using typename nlohmann::json_sax<J>::number_float_t;
    using typename nlohmann::json_sax<J>::string_t;
    using typename nlohmann::json_sax<J>::binary_t;
    Builder(std::string_view text, std::string_view where, const JsonLimits& limits, const std::vector<JsonPart>& parts)
        : text_(text), where_(where), limits_(limits), parts_(parts) {}

    J take() { return std::move(root_); }

    bool null() override { return put(nullptr); }
    bool boolean(bool x) override { return put(x); }
    bool number_integer(number_integer_t x) override { return put_integer(x); }
    bool number_unsigned(number_unsigned_t x) override {
        if (x <= number_unsigned_t{INT64_MAX}) return put_integer(static_cast<int64_t>(x));
        return put_huge(static_cast<double>(x), std::to_string(x));
    }
    bool number_float(number_float_t x, const string_t& digits) override {
        return digits.find_first_of(".eE") == string_t::npos ? put_huge(x, digits) : put(x);
    }
    bool string(string_t& x) override {
        check_length(x);
        if (const JsonPart* part = part_around();
            part != nullptr && part->take_text && open_.back().value->is_array()) {
            part->take_text(open_.back().index++, x);
            return true;
        }
        hold(static_cast<int64_t>(sizeof(std::string)) + kBlock + heap_bytes(x));
        return put(std::move(x));
    }
    bool binary(binary_t&) override { throw InternalError("JSON text held binary data"); }

    bool start_object(size_t) override { return open(J::object()); }
    bool start_array(size_t) override { return open(J::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& x) override {
        check_length(x);
        Level& level = open_.back();
        level.key = std::move(x);
        if (!std::is_same_v<J, Json>)
            hold(static_cast<int64_t>(sizeof(std::string)) + 3 * kBlock + heap_bytes(level.key));
        const bool twice =
            std::is_same_v<J, Json> ? level.value->contains(level.key) : !level.seen.insert(level.key).second;
        if (twice) refuse("DUP", "this key appears twice");
        return true;
    }

    bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) override {
        if (dynamic_cast<const typename J::out_of_range*>(&e) != nullptr)
            refuse("RANGE", "a number is too large for a double");
        const std::string_view rest = text_.substr(std::min(position == 0 ? 0 : position - 1, text_.size()));
        if (rest.starts_with("NaN") || rest.starts_with("Infinity"))
            refuse("RANGE", "NaN and Infinity are no JSON numbers");
        // The parser's sentence, without the number before it and the text from the file after it.
        std::string_view brief = e.what();
        brief.remove_prefix(std::min(brief.find("syntax error"), brief.size()));
        std::string sentence(brief.substr(0, brief.find("; last read")));
        std::replace(sentence.begin(), sentence.end(), ';', ',');   // the remedy comes behind the line's only one
        const std::string kind = sentence.find("surrogate") == std::string::npos ? "SYNTAX" : "ENCODING";
        throw UserError(kind, where_, place_in(text_, position == 0 ? 0 : position - 1),
                        sentence.empty() ? "is no JSON" : sentence, kRemedy);
    }

private:
    // An array or object whose end has not come.
    struct Level {
        J* value;
        std::string key;                        // of an object: whose value comes next
        std::unordered_set<std::string> seen;   // OrderedJson: its keys so far
        const JsonPart* part;
        int64_t index = 0, values = 0, held = 0;   // of a part: of the next item, and what was there before it
    };

    [[noreturn]] void refuse(const char* kind, std::string_view what) const {
        std::string path;
        for (const Level& level : open_) {
            const auto complete = static_cast<int64_t>(level.value->size()) - (&level != &open_.back() ? 1 : 0);
            if (level.value->is_array())
                path += fmt::format("[{}]", level.index + complete);
            else if (!level.key.empty())
                path += (path.empty() ? "" : ".") + level.key;
        }
        const std::string shown = path.empty() ? "" : in_quotes(path);
        throw UserError(kind, where_, shown, what, kRemedy);
    }

    void check_length(const std::string& x) const {
        if (static_cast<int64_t>(x.size()) > limits_.string_bytes)
            refuse("LIMIT", fmt::format("a string of {} bytes, at most {} are read", x.size(), limits_.string_bytes));
    }

    // Before so much more is allocated.
    void hold(int64_t bytes) {
        // Taking a document down holds its values once more: the rest of the 16 MiB that any document may take.
        constexpr int64_t kAnyDocument = int64_t{6} << 20;
        held_ += bytes;
        if (held_ > kAnyDocument && (held_ - kAnyDocument) / limits_.memory_factor > static_cast<int64_t>(text_.size()))
            refuse("LIMIT", fmt::format("its values take more than {} times its bytes", limits_.memory_factor));
    }

    // A vector that is full moves to twice the room, and for a moment there are both.
    template <class Vector>
    void hold_growth(const Vector& vector) {
        if (vector.size() < vector.capacity()) return;
        const auto bytes = static_cast<int64_t>(vector.size() * sizeof(vector[0]));
        hold(std::max<int64_t>(2 * bytes, sizeof(vector[0])) + kBlock);
        held_ -= bytes;
    }

    template <class T>
    J* place(T&& value) {
        if (++values_ > limits_.values) refuse("LIMIT", fmt::format("more than {} values", limits_.values));
        if (open_.empty()) {
            root_ = std::forward<T>(value);
            for (const JsonPart& part : parts_)
                if (part.path.empty() && !has_type(part, root_))
                    refuse("SCHEMA", fmt::format("is {}, wanted an {}", root_.type_name(),
                                                 part.type == JsonPart::Type::kArray ? "array" : "object"));
            return &root_;
        }
        J& parent = *open_.back().value;
        const std::string& key = open_.back().key;
        if (parent.is_array()) {
            hold_growth(parent.template get_ref<typename J::array_t&>());
            return &parent.emplace_back(std::forward<T>(value));
        }
        hold(heap_bytes(key));
        auto& members = parent.template get_ref<typename J::object_t&>();
        if constexpr (std::is_same_v<J, Json>) {
            hold(static_cast<int64_t>(4 * sizeof(void*) + sizeof(typename J::object_t::value_type)) + kBlock);
            return &(members[key] = std::forward<T>(value));
        } else {   // its own insertion would look through all keys for this one
            auto& list = static_cast<std::vector<std::pair<const std::string, J>>&>(members);
            hold_growth(list);
            return &list.emplace_back(key, std::forward<T>(value)).second;
        }
    }
    template <class T>
    bool put(T&& value) {
        place(std::forward<T>(value));
        hand_over();
        return true;
    }
    bool put_integer(int64_t x) {
        if (const JsonPart* part = part_around();
            part != nullptr && part->take_integer && open_.back().value->is_object()) {
            part->take_integer(open_.back().key, x);
            ++open_.back().index;
            return true;
        }
        return put(x);
    }
    bool put_huge(double x, const std::string& digits) {
        if (limits_.huge_integers == HugeIntegers::kRefused)
            refuse("OVERFLOW", fmt::format("integer {} does not fit 64 bits", in_quotes(digits, 40)));
        return put(x);
    }
    bool open(J container) {
        if (static_cast<int64_t>(open_.size()) >= limits_.depth)
            refuse("LIMIT", fmt::format("nested deeper than {} levels", limits_.depth));
        hold(kBlock + static_cast<int64_t>(sizeof(typename J::object_t)));
        J* placed = place(std::move(container));   // stays: a parent grows only after its children are closed
        open_.push_back({.value = placed, .key = {}, .seen = {}, .part = part_at(*placed)});
        remember();
        return true;
    }
    bool close() {
        open_.pop_back();
        hand_over();
        return true;
    }

    static bool has_type(const JsonPart& part, const J& value) {
        return part.type == JsonPart::Type::kArray ? value.is_array() : value.is_object();
    }

    // Whether the keys of the open objects and arrays are the path's.
    bool stands_at(std::string_view path) const {
        for (const Level& level : open_) {
            if (path.empty()) return false;
            const std::string_view wanted = path.substr(0, path.find('.'));
            if (!level.value->is_object() || (wanted != "*" && wanted != level.key)) return false;
            path.remove_prefix(std::min(wanted.size() + 1, path.size()));
        }
        return path.empty();
    }
    const JsonPart* part_at(const J& value) const {
        for (const JsonPart& part : parts_)
            if (has_type(part, value) && stands_at(part.path)) return &part;
        return nullptr;
    }

    const JsonPart* part_around() const { return open_.empty() ? nullptr : open_.back().part; }

    void remember() {
        Level& level = open_.back();
        level.values = values_;
        level.held = held_;
    }

    // The value that has just come to its end, where it is an item of a part.
    void hand_over() {
        if constexpr (std::is_same_v<J, Json>) {
            if (open_.empty() || open_.back().part == nullptr) return;
            Level& level = open_.back();
            keys_.clear();
            for (size_t i = 0; i + 1 < open_.size(); ++i) keys_.push_back(open_[i].key);
            J& item = level.value->is_array() ? level.value->back() : level.value->begin().value();
            level.part->take({.keys = keys_, .key = level.key, .index = level.index, .value = item});
            ++level.index;
            level.value->clear();
            values_ = level.values;
            held_ = level.held;
        }
    }

    std::string_view text_, where_;
    const JsonLimits& limits_;
    const std::vector<JsonPart>& parts_;
    J root_;
    std::vector<Level> open_;
    std::vector<std::string_view> keys_;   // an item's
    int64_t values_ = 0, held_ = 0;
};

void check_encoding(std::string_view text, std::string_view where) {
    if (text.starts_with("\xEF\xBB\xBF"))
        throw UserError("ENCODING", where, "", "begins with a byte order mark", "save it as UTF-8 without one");
    const size_t bad = first_invalid_utf8(text);
    if (bad != std::string_view::npos)
        throw UserError("ENCODING", where, place_in(text, bad), "is not UTF-8", "save it as UTF-8 or fetch it again");
}

template <class J>
J parse(std::string_view text, std::string_view where, const JsonLimits& limits, const std::vector<JsonPart>& parts) {
    if (static_cast<int64_t>(text.size()) > limits.bytes)
        throw UserError("LIMIT", where, "", fmt::format("has {} bytes, at most {} are read", text.size(), limits.bytes),
                        "check that it is the right file");
    check_encoding(text, where);
    refuse_stand_in(text, where);
    // The parser takes a NUL for the end of the text and would not look at what is behind it.
    const size_t nul = text.find('\0');
    if (nul != std::string_view::npos) throw UserError("SYNTAX", where, place_in(text, nul), "a NUL byte", kRemedy);
    Builder<J> builder(text, where, limits, parts);
    J::sax_parse(text, &builder);
    return builder.take();
}

}   // namespace

Json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
    return parse<Json>(text, where, limits, {});
}

Json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits,
                const std::vector<JsonPart>& parts) {
    return parse<Json>(text, where, limits, parts);
}

OrderedJson parse_ordered_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
    return parse<OrderedJson>(text, where, limits, {});
}

Json parse_json_file(const Path& path, const JsonLimits& limits) {
    return parse_json(read_file(path, limits.bytes), path.string(), limits);
}

std::vector<std::string> keys_in_order(std::string_view text, const std::string& member) {
    constexpr JsonLimits kAny = {
        .bytes = INT64_MAX, .string_bytes = INT64_MAX, .values = INT64_MAX, .memory_factor = INT64_MAX};
    const OrderedJson document = parse_ordered_json(text, "", kAny);
    std::vector<std::string> keys;
    if (const auto at = document.find(member); at != document.end() && at->is_object())
        for (const auto& [key, value] : at->items()) keys.push_back(key);
    return keys;
}

std::string hf_json(const Json& value) {
    return value.dump(2, ' ', true) + "\n";
}

std::string json_line(const OrderedJson& value) {
    return value.dump() + "\n";
}

}   // namespace llmft
