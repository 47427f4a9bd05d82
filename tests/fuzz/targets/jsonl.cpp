// Rows of a data set, without a tokenizer and with one.
#include "data/dataset.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_model.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {
namespace {

void read_rows(const std::string& file, const RowContext& context) {
    DataOptions options;
    options.max_seq_length = 64;
    DatasetReader reader({file}, options, context);
    accepted([&] {
        for (DataRow row; reader.next(row);) {
            expect(row.example.ids.size() == row.example.labels.size(), "every token has a label");
            for (const int32_t id : row.example.ids) expect(id >= 0 && id < context.vocab_size, "ids are the model's");
            if (context.tokenizer != nullptr) mask_pieces(row.example, *context.tokenizer);
        }
    });
    reader.notes();
}

}   // namespace

void read_jsonl(std::string_view bytes) {
    static BytesFile file;
    static const FilesInMemory files(
        {{"tokenizer.json", kSmallTokenizer}, {"tokenizer_config.json", kSmallTokenizerConfig}});
    static const Tokenizer tokenizer = Tokenizer::load(files);
    file.put(bytes);
    read_rows(file.path().string(), {.tokenizer = nullptr, .vocab_size = 300});
    read_rows(file.path().string(), {.tokenizer = &tokenizer, .vocab_size = tokenizer.vocab_size()});
}

}   // namespace llmft::fuzz
