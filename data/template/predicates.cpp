// What may stand behind "is".
#include <fmt/format.h>

#include "data/template/operators.h"
#include "data/template/table.h"
#include "data/template/text_methods.h"

namespace llmft::jinja {
namespace {

template <class T>
Value is_a(Runtime&, const Value& self, Given&) {
    return self.is<T>();
}

Value defined(Runtime&, const Value& self, Given&) {
    return !self.is<Undefined>();
}
Value mapping(Runtime&, const Value& self, Given&) {
    return self.mapping() != nullptr;
}
Value number(Runtime&, const Value& self, Given&) {
    return self.is_number();
}
template <bool wanted>
Value is_bool(Runtime&, const Value& self, Given&) {
    return self.is<bool>() && truth(self) == wanted;
}
Value callable(Runtime&, const Value& self, Given&) {
    return self.is<const Callable*>() || self.is<Loop*>() || self.is<Undefined>();   // Undefined has a __call__
}

// What has a length and items: Undefined, too.
Value sequence(Runtime&, const Value& self, Given&) {
    return self.string() || self.mapping() || self.is<Undefined>() || (self.sequence() && !self.sequence()->is_view());
}
Value iterable(Runtime&, const Value& self, Given&) {
    return self.string() || self.mapping() || self.is<Undefined>() || self.sequence() || self.is<Iterator*>() ||
           self.is<Loop*>();
}

Value remainder(Runtime& run, const Value& self, int64_t by) {
    return binary(BinaryOf::Operator::kModulo, self, by, run);
}
template <int64_t wanted>
Value parity(Runtime& run, const Value& self, Given&) {
    return equal(remainder(run, self, 2), wanted, run.meter);
}
Value divisibleby(Runtime& run, const Value& self, Given& given) {
    return equal(remainder(run, self, given.integer_or(0, 0)), int64_t{0}, run.meter);
}

Value lower(Runtime& run, const Value& self, Given&) {
    return run.run_builtin(*find_text_method("islower"), run.text(run.str(self)), {});
}
Value upper(Runtime& run, const Value& self, Given&) {
    return run.run_builtin(*find_text_method("isupper"), run.text(run.str(self)), {});
}

template <CompareOf::Operator op>
Value compares(Runtime& run, const Value& self, Given& given) {
    return compare(op, self, given.value(0), run);
}

// Python's "is": small integers and equal literals are one object there; here equal values of one type are.
Value sameas(Runtime& run, const Value& self, Given& given) {
    return type_name(self) == type_name(given.value(0)) && equal(self, given.value(0), run.meter);
}

Value filter(Runtime&, const Value& self, Given&) {
    return self.string() && find_filter(*self.string()) != nullptr;
}
Value test(Runtime&, const Value& self, Given&) {
    return self.string() && find_test(*self.string()) != nullptr;
}
Value escaped(Runtime&, const Value& self, Given&) {
    return self.string() && self.get<Text>()->safe;
}

using Op = CompareOf::Operator;
constexpr Builtin kTests[] = {
    {"!=", "other", compares<Op::kUnequal>},
    {"<", "other", compares<Op::kLess>},
    {"<=", "other", compares<Op::kAtMost>},
    {"==", "other", compares<Op::kEqual>},
    {">", "other", compares<Op::kGreater>},
    {">=", "other", compares<Op::kAtLeast>},
    {"boolean", "", is_a<bool>},
    {"callable", "", callable},
    {"defined", "", defined},
    {"divisibleby", "num", divisibleby},
    {"eq", "other", compares<Op::kEqual>},
    {"equalto", "other", compares<Op::kEqual>},
    {"escaped", "", escaped},
    {"even", "", parity<0>},
    {"false", "", is_bool<false>},
    {"filter", "", filter},
    {"float", "", is_a<double>},
    {"ge", "other", compares<Op::kAtLeast>},
    {"greaterthan", "other", compares<Op::kGreater>},
    {"gt", "other", compares<Op::kGreater>},
    {"in", "seq", compares<Op::kIn>},
    {"integer", "", is_a<int64_t>},
    {"iterable", "", iterable},
    {"le", "other", compares<Op::kAtMost>},
    {"lessthan", "other", compares<Op::kLess>},
    {"lower", "", lower},
    {"lt", "other", compares<Op::kLess>},
    {"mapping", "", mapping},
    {"ne", "other", compares<Op::kUnequal>},
    {"none", "", is_a<None>},
    {"number", "", number},
    {"odd", "", parity<1>},
    {"sameas", "other", sameas},
    {"sequence", "", sequence},
    {"string", "", is_a<Text>},
    {"test", "", test},
    {"true", "", is_bool<true>},
    {"undefined", "", is_a<Undefined>},
    {"upper", "", upper},
};

}   // namespace

const Builtin* find_test(std::string_view name) {
    return find_in(kTests, name);
}

}   // namespace llmft::jinja
