// A Hugging Face tokenizer: the ids are those of the `tokenizers` library (0.23) on tokenizer.json as it stands.
//   added tokens → normalizer → added tokens → pre-tokenizer → model → post-processor; back: tokens → decoder.
// What a tokenizer.json holds that is not read here is refused by name when it is loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/special_tokens.h"
#include "data/tokenizer/traced_text.h"

namespace llmft {

enum class AddSpecialTokens { kNo, kYes };
enum class SkipSpecialTokens { kNo, kYes };

struct Encoding {
    std::vector<int32_t> ids;
    // As the library's offsets, in bytes: the tokens of one character have all of it, a prefix that was put in has the
    // character behind it, a special token that was put in has nothing.
    std::vector<TextSpan> spans;
};

// Immutable: may be shared by threads.
class Tokenizer {
public:
    // Reads tokenizer.json and what lies beside it (special_tokens.h).
    static Tokenizer load(const ModelSource& model);
    static Tokenizer load(const std::filesystem::path& folder);
    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    // `text` that is not UTF-8 is refused (ENCODING). Linear in the text but for a logarithm; no recursion.
    std::vector<int32_t> encode(std::string_view text, AddSpecialTokens special) const;
    Encoding encode_with_spans(std::string_view text, AddSpecialTokens special) const;

    // An id that is no token contributes nothing. Bytes that are not UTF-8 come out as U+FFFD.
    std::string decode(std::span<const int32_t> ids, SkipSpecialTokens special) const;

    int64_t vocab_size() const;   // ids are below it
    std::optional<int32_t> id_of(std::string_view token) const;
    std::optional<std::string> token(int32_t id) const;
    bool is_special(int32_t id) const;
    const SpecialTokens& special_tokens() const;

    // What a user should know: where tokenizer_config.json's add_bos_token or add_eos_token differs from what is done.
    std::vector<std::string> notes() const;

private:
    struct Parts;
    explicit Tokenizer(std::unique_ptr<const Parts> parts);
    std::unique_ptr<const Parts> parts_;
};

// Refuses (SHAPE) a tokenizer with more tokens than the model's embedding has rows. `file` is what the error calls it.
void expect_vocabulary_fits(const Tokenizer& tokenizer, int64_t embedding_rows, const std::string& file);

}   // namespace llmft
