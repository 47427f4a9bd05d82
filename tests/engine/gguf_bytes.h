// GGUF files made by hand, so that they can be wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/gguf.h"

namespace llmft::test {

template <class T>
std::string little(T x) {
    std::string bytes(sizeof x, '\0');
    std::memcpy(bytes.data(), &x, sizeof x);
    return bytes;
}

inline std::string gguf_string(std::string_view text) {
    return little(uint64_t{text.size()}).append(text);
}

inline std::string gguf_kind(GgufKind kind) {
    return little(static_cast<uint32_t>(kind));
}

// The bytes of a value behind its key.
inline std::string gguf_text(std::string_view text) {
    return gguf_kind(GgufKind::kString) + gguf_string(text);
}
inline std::string gguf_u32(uint32_t x) {
    return gguf_kind(GgufKind::kU32) + little(x);
}
inline std::string gguf_f32(float x) {
    return gguf_kind(GgufKind::kF32) + little(x);
}
inline std::string gguf_bool(uint8_t x) {
    return gguf_kind(GgufKind::kBool) + little(x);
}
inline std::string gguf_array(GgufKind element, uint64_t count, std::string_view elements) {
    return gguf_kind(GgufKind::kArray) + gguf_kind(element) + little(count).append(elements);
}
template <class Texts>
std::string gguf_texts(const Texts& texts) {
    std::string bytes;
    for (const auto& text : texts) bytes += gguf_string(text);
    return gguf_array(GgufKind::kString, std::size(texts), bytes);
}

// What a tensor's entry says.
inline std::string gguf_entry(std::string_view name, const std::vector<uint64_t>& extents, uint32_t type,
                              uint64_t offset) {
    std::string bytes = gguf_string(name) + little(static_cast<uint32_t>(extents.size()));
    for (const uint64_t x : extents) bytes += little(x);
    return bytes + little(type) + little(offset);
}

// A file put together from such parts; add values first.
class GgufBytes {
public:
    uint32_t version = 3;
    uint64_t alignment = 32;
    int64_t extra_values = 0, extra_tensors = 0;   // that the header counts and nobody wrote

    GgufBytes& value(std::string_view key, const std::string& value) {
        ++values_;
        metadata_ += gguf_string(key) + value;
        return *this;
    }
    // Extents innermost first; its data follow the last tensor's.
    GgufBytes& tensor(std::string_view name, const std::vector<uint64_t>& extents, uint32_t type,
                      std::string_view bytes) {
        entry(gguf_entry(name, extents, type, data_.size()));
        return data(bytes);
    }
    GgufBytes& entry(const std::string& entry) {
        ++tensors_;
        entries_ += entry;
        return *this;
    }
    GgufBytes& data(std::string_view bytes) {
        data_.append(bytes);
        data_.resize((data_.size() + alignment - 1) / alignment * alignment, '\0');
        return *this;
    }

    std::string header() const {
        return "GGUF" + little(version) + little(static_cast<uint64_t>(tensors_ + extra_tensors)) +
               little(static_cast<uint64_t>(values_ + extra_values)) + metadata_ + entries_;
    }
    std::string file() const {
        std::string bytes = header();
        if (tensors_ > 0) bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
        return bytes + data_;
    }

private:
    int64_t values_ = 0, tensors_ = 0;
    std::string metadata_, entries_, data_;
};

template <class T>
std::string plain_bytes(const std::vector<T>& elements) {
    return {reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T)};
}

constexpr uint32_t kTypeF32 = 0, kTypeF16 = 1, kTypeQ8_0 = 8, kTypeQ4_K = 12;

// Values of every kind, arrays, a matrix, an empty tensor and a scalar.
inline GgufBytes small_gguf() {
    GgufBytes g;
    g.value("general.architecture", gguf_text("none"))
        .value("a.u8", gguf_kind(GgufKind::kU8) + little(uint8_t{200}))
        .value("a.i8", gguf_kind(GgufKind::kI8) + little(int8_t{-7}))
        .value("a.u16", gguf_kind(GgufKind::kU16) + little(uint16_t{60000}))
        .value("a.i16", gguf_kind(GgufKind::kI16) + little(int16_t{-300}))
        .value("a.u32", gguf_u32(4'000'000'000u))
        .value("a.i32", gguf_kind(GgufKind::kI32) + little(int32_t{-70000}))
        .value("a.u64", gguf_kind(GgufKind::kU64) + little(~uint64_t{0}))
        .value("a.i64", gguf_kind(GgufKind::kI64) + little(int64_t{-5'000'000'000}))
        .value("a.f32", gguf_f32(0.1f))
        .value("a.f64", gguf_kind(GgufKind::kF64) + little(0.1))
        .value("a.bool", gguf_bool(1))
        .value("texts", gguf_texts(std::vector<std::string>{"x", "", "é"}))
        .value("numbers", gguf_array(GgufKind::kF32, 2, little(-1.5f) + little(2.0f)))
        .value("nested", gguf_array(GgufKind::kArray, 2,
                                    gguf_array(GgufKind::kU8, 1, "\x05").substr(4) +
                                        gguf_array(GgufKind::kString, 1, gguf_string("y")).substr(4)))
        .tensor("m", {3, 2}, kTypeF32, plain_bytes<float>({1, 2, 3, 4, 5, 6}))
        .tensor("empty", {0, 4}, kTypeF32, "")
        .tensor("scalar", {}, kTypeF32, plain_bytes<float>({7}));
    return g;
}

}   // namespace llmft::test
