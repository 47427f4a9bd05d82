// Safetensors files made by hand, so that they can be wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llmft::test {

inline std::string length_prefix(uint64_t length) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xff);
    return bytes;
}

// The header as it is, and `data_bytes` zeros behind it.
inline std::string container(std::string_view header, size_t data_bytes) {
    return length_prefix(header.size()).append(header).append(data_bytes, '\0');
}

inline std::string tensor_entry(std::string_view name, std::string_view dtype, std::string_view shape,
                                std::string_view offsets) {
    return std::string("\"")
        .append(name)
        .append(R"(":{"dtype":")")
        .append(dtype)
        .append(R"(","shape":)")
        .append(shape)
        .append(R"(,"data_offsets":)")
        .append(offsets)
        .append("}");
}

// Three tensors that tile 22 bytes, one of them a scalar, and an empty one between them.
inline std::string small_container() {
    return container("{\"__metadata__\":{\"format\":\"pt\"}," + tensor_entry("a", "F32", "[2,2]", "[0,16]") + "," +
                         tensor_entry("b.weight", "BF16", "[]", "[16,18]") + "," +
                         tensor_entry("empty", "F32", "[0,3]", "[18,18]") + "," +
                         tensor_entry("c", "U8", "[4]", "[18,22]") + "}  ",
                     22);
}

}   // namespace llmft::test
