// Python's operators on a template's values. Integers have 64 bits: beyond them is an error.
#pragma once

#include "data/template/runtime.h"

namespace llmft::jinja {

Value binary(BinaryOf::Operator op, const Value& a, const Value& b, Runtime&);   // kAnd and kOr aside
Value negated(const Value& v);
Value plus_sign(const Value& v);
bool compare(CompareOf::Operator op, const Value& a, const Value& b, Runtime&);
// `x ~ y ~ …`
Value concatenated(const Values& items, Runtime&);
// text[start:stop:step] and the like; none and absent bounds are null.
Value sliced(const Value& object, const Value* start, const Value* stop, const Value* step, Runtime&);

// With what HTML takes for itself replaced; a safe text as it is.
std::string html_escaped(const Value& v, Meter&);

}   // namespace llmft::jinja
