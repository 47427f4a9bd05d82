#include "data/template/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/template/characters.h"
#include "data/template/format.h"

namespace llmft::jinja {
namespace {

using Operator = BinaryOf::Operator;

constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void fail_overflow() {
    fail("an integer beyond 64 bits");
}

int64_t checked(Operator op, int64_t a, int64_t b) {
    int64_t result = 0;
    const bool wrong = op == Operator::kAdd        ? __builtin_add_overflow(a, b, &result)
                       : op == Operator::kSubtract ? __builtin_sub_overflow(a, b, &result)
                                                   : __builtin_mul_overflow(a, b, &result);
    if (wrong) fail_overflow();
    return result;
}

int64_t floor_divide(int64_t a, int64_t b) {
    if (b == -1) return checked(Operator::kSubtract, 0, a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Value power(int64_t base, int64_t exponent) {
    if (exponent < 0) {
        if (base == 0) fail("0.0 cannot be raised to a negative power");
        return std::pow(static_cast<double>(base), static_cast<double>(exponent));
    }
    int64_t result = 1;
    while (exponent > 0) {
        if (exponent % 2 == 1) result = checked(Operator::kMultiply, result, base);
        exponent /= 2;
        if (exponent > 0) base = checked(Operator::kMultiply, base, base);
    }
    return result;
}

Value on_integers(Operator op, int64_t a, int64_t b) {
    switch (op) {
        case Operator::kAdd:
        case Operator::kSubtract:
        case Operator::kMultiply: return checked(op, a, b);
        case Operator::kPower: return power(a, b);
        default: break;
    }
    if (b == 0) fail(op == Operator::kDivide ? "division by zero" : "integer division or modulo by zero");
    if (op == Operator::kDivide) return static_cast<double>(a) / static_cast<double>(b);
    if (op == Operator::kFloorDivide) return floor_divide(a, b);
    return b == -1 ? int64_t{0} : a - floor_divide(a, b) * b;
}

double modulo(double a, double b) {
    const double rest = std::fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value on_numbers(Operator op, double a, double b) {
    switch (op) {
        case Operator::kAdd: return a + b;
        case Operator::kSubtract: return a - b;
        case Operator::kMultiply: return a * b;
        case Operator::kPower: return std::pow(a, b);
        default: break;
    }
    if (b == 0) fail(op == Operator::kDivide ? "float division by zero" : "float modulo");
    if (op == Operator::kDivide) return a / b;
    return op == Operator::kModulo ? modulo(a, b) : std::floor(a / b);
}

std::string repeated(const std::string& text, int64_t times, Meter& meter) {
    if (times <= 0 || text.empty()) return "";
    if (times > kLongestText) times = kLongestText + 1;
    meter.grow(0, text.size() * static_cast<size_t>(times));
    std::string all;
    for (int64_t i = 0; i < times; ++i) all += text;
    return all;
}

Value repeated(const Sequence& sequence, int64_t times, Runtime& run) {
    Values all;
    const auto size = static_cast<int64_t>(sequence.items.size());
    if (size > 0 && times > kMostSteps / size) fail("the template makes a list that is too long");
    run.meter.take(size * std::max<int64_t>(times, 0));
    for (int64_t i = 0; i < times && size > 0; ++i) all.insert(all.end(), sequence.items.begin(), sequence.items.end());
    return run.sequence(sequence.type, std::move(all));
}

bool is_list_or_tuple(const Value& v) {
    return v.sequence() && v.sequence()->type <= Sequence::Type::kTuple;
}

std::optional<Value> added(const Value& a, const Value& b, Runtime& run) {
    if (a.string() && b.string()) {
        const bool safe = a.get<Text>()->safe || b.get<Text>()->safe;
        std::string both = safe ? html_escaped(a, run.meter) : *a.string();
        run.meter.append(both, safe ? html_escaped(b, run.meter) : *b.string());
        return run.text(std::move(both), safe);
    }
    if (a.string() && !b.string()) fail(fmt::format("can only concatenate str (not \"{}\") to str", type_name(b)));
    if (!is_list_or_tuple(a) || !is_list_or_tuple(b) || a.sequence()->type != b.sequence()->type) return std::nullopt;
    Values all = a.sequence()->items;
    all.insert(all.end(), b.sequence()->items.begin(), b.sequence()->items.end());
    return run.sequence(a.sequence()->type, std::move(all));
}

std::optional<Value> multiplied(const Value& a, const Value& b, Runtime& run) {
    const Value &many = a.is_integer() ? b : a, &times = a.is_integer() ? a : b;
    if (!times.is_integer()) return std::nullopt;
    if (many.string()) return run.text(repeated(*many.string(), times.integer(), run.meter), many.get<Text>()->safe);
    if (is_list_or_tuple(many)) return repeated(*many.sequence(), times.integer(), run);
    return std::nullopt;
}

}   // namespace

Value binary(Operator op, const Value& a, const Value& b, Runtime& run) {
    if (a.is_integer() && b.is_integer()) return on_integers(op, a.integer(), b.integer());
    if (a.is_number() && b.is_number()) return on_numbers(op, a.number(), b.number());
    expect_defined(a);
    std::optional<Value> result;
    if (op == Operator::kModulo && a.string())
        return run.text(percent_format(*a.string(), b, run), a.get<Text>()->safe);
    expect_defined(b);
    if (op == Operator::kAdd) result = added(a, b, run);
    if (op == Operator::kMultiply) result = multiplied(a, b, run);
    if (result) return *result;
    fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", kSigns[static_cast<size_t>(op)], type_name(a),
                     type_name(b)));
}

Value negated(const Value& v) {
    expect_defined(v);
    if (v.is_integer()) return checked(Operator::kSubtract, 0, v.integer());
    if (v.is<double>()) return -*v.get<double>();
    fail(fmt::format("bad operand type for unary -: '{}'", type_name(v)));
}

Value plus_sign(const Value& v) {
    expect_defined(v);
    if (v.is_integer()) return v.integer();
    if (v.is<double>()) return v;
    fail(fmt::format("bad operand type for unary +: '{}'", type_name(v)));
}

bool compare(CompareOf::Operator op, const Value& a, const Value& b, Runtime& run) {
    using Compare = CompareOf::Operator;
    const bool unordered =
        (a.is<double>() && std::isnan(*a.get<double>())) || (b.is<double>() && std::isnan(*b.get<double>()));
    switch (op) {
        case Compare::kEqual: return equal(a, b, run.meter);
        case Compare::kUnequal: return !equal(a, b, run.meter);
        case Compare::kLess: return less(a, b, run.meter);
        case Compare::kGreater: return less(b, a, run.meter);
        case Compare::kAtMost: return !less(b, a, run.meter) && !unordered;
        case Compare::kAtLeast: return !less(a, b, run.meter) && !unordered;
        case Compare::kIn: return run.contains(b, a);
        case Compare::kNotIn: return !run.contains(b, a);
    }
    return false;
}

std::string html_escaped(const Value& v, Meter& meter) {
    const std::string text = str(v, meter);
    if (v.string() && v.get<Text>()->safe) return text;
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&#34;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    meter.grow(0, out.size());
    return out;
}

Value concatenated(const Values& items, Runtime& run) {
    std::string all;
    for (const Value& v : items) run.meter.append(all, v.string() ? *v.string() : run.str(v));
    return run.text(std::move(all));
}

Value sliced(const Value& object, const Value* start, const Value* stop, const Value* step, Runtime& run) {
    expect_defined(object);
    const bool sliceable = object.string() || (object.sequence() && !object.sequence()->is_view());
    if (!sliceable) fail(fmt::format("'{}' object is not subscriptable", type_name(object)));
    const int64_t size = run.length(object);
    const auto bound = [](const Value* v) -> std::optional<int64_t> {
        if (v == nullptr || v->is<None>()) return std::nullopt;
        if (!v->is_integer()) fail("slice indices must be integers or None or have an __index__ method");
        return v->integer();
    };
    const int64_t by = bound(step).value_or(1);
    if (by == 0) fail("slice step cannot be zero");
    // Python's rule: bounds count from the end where negative, and are cut to what there is.
    const int64_t lowest = by < 0 ? -1 : 0, highest = by < 0 ? size - 1 : size;
    const auto clamped = [&](std::optional<int64_t> b, int64_t absent) {
        if (!b) return absent;
        return std::clamp(*b < 0 ? std::max(*b, -size - 1) + size : *b, lowest, highest);
    };
    const int64_t from = clamped(bound(start), by < 0 ? highest : lowest);
    const int64_t to = clamped(bound(stop), by < 0 ? lowest : highest);
    if (object.string() && by == 1) {
        const std::string_view text = *object.string();
        const size_t begin = offset_of(text, from);
        return run.text(std::string(text.substr(begin, offset_of(text.substr(begin), std::max<int64_t>(to - from, 0)))),
                        object.get<Text>()->safe);
    }
    const Values all = run.items(object);
    Values some;
    for (int64_t i = from; by > 0 ? i < to : i > to; i += std::clamp(by, -size - 1, size + 1))
        some.push_back(all[static_cast<size_t>(i)]);
    if (object.sequence())
        return run.sequence(
            object.sequence()->type == Sequence::Type::kTuple ? Sequence::Type::kTuple : Sequence::Type::kList,
            std::move(some));
    std::string text;
    for (const Value& c : some) text += *c.string();
    return run.text(std::move(text), object.get<Text>()->safe);
}

}   // namespace llmft::jinja
