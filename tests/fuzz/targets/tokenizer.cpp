// tokenizer.json, and what the tokenizer does with some texts.
#include "data/tokenizer/tokenizer.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_model.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {
namespace {

constexpr std::string_view kTexts[] = {
    "", "abc ab 12 it's", "<s>a</s> <unk>\xe2\x96\x81",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \n\n\xc3\xa9\xf0\x9f\x98\x80 b"};

}   // namespace

void read_tokenizer(std::string_view bytes) {
    static FilesInMemory files(FilesInMemory::Files{{"tokenizer.json", ""}});
    files.put("tokenizer.json", bytes);
    accepted([] {
        const Tokenizer tokenizer = Tokenizer::load(files);
        for (const std::string_view text : kTexts) {
            const Encoding encoding = tokenizer.encode_with_spans(text, AddSpecialTokens::kYes);
            expect(encoding.ids.size() == encoding.spans.size(), "every token has its place in the text");
            for (size_t i = 0; i < encoding.ids.size(); ++i) {
                expect(encoding.ids[i] >= 0 && encoding.ids[i] < tokenizer.vocab_size(), "ids are the vocabulary's");
                expect(encoding.spans[i].begin <= encoding.spans[i].end && encoding.spans[i].end <= text.size(),
                       "spans lie in the text");
            }
            expect(tokenizer.encode(text, AddSpecialTokens::kYes) == encoding.ids, "spans change no id");
            tokenizer.decode(encoding.ids, SkipSpecialTokens::kNo);
            tokenizer.decode(encoding.ids, SkipSpecialTokens::kYes);
        }
        tokenizer.notes();
    });
}

}   // namespace llmft::fuzz
