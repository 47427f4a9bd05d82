// A GGUF file: header, values of every kind, and the first blocks of every tensor.
#include "engine/io/gguf.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {
namespace {

constexpr int64_t kElements = 1 << 12;   // decoded of one tensor

void read_value(const GgufValue& value) {
    constexpr int64_t kMany = 1 << 16;
    accepted([&] { value.text(); });
    accepted([&] { value.flag(); });
    accepted([&] { value.integer(INT64_MIN, INT64_MAX); });
    accepted([&] { value.number(-1e300, 1e300); });
    accepted([&] { value.texts(kMany); });
    accepted([&] { value.integers(kMany); });
    accepted([&] { value.numbers(kMany); });
}

void read_first_row(const Gguf& gguf, const GgufTensor& tensor) {
    if (tensor.bytes.empty() || tensor.cols() > kElements) return;
    const int64_t row = 0;
    std::vector<std::byte> dense(static_cast<size_t>(tensor.cols() * size_bytes(tensor.type->rows)));
    gguf.read_rows(tensor, tensor.cols(), {&row, 1}, dense.data());
}

}   // namespace

void read_gguf(std::string_view bytes) {
    static BytesFile file;
    static constexpr std::string_view kKeys[] = {"general.alignment", "a", "b", "c"};
    file.put(bytes);
    accepted([] {
        const Gguf gguf = Gguf::open(file.path());
        for (const std::string_view key : kKeys)
            if (const auto value = gguf.find_value(key)) read_value(*value);
        for (const GgufTensor& tensor : gguf.tensors()) {
            expect(gguf.find(tensor.name) == &tensor, "a tensor is found by its name");
            read_first_row(gguf, tensor);
        }
        gguf.expect_intact();
    });
}

}   // namespace llmft::fuzz
