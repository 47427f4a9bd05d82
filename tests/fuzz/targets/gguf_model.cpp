// A GGUF file as a model: its configuration, tokenizer, chat template and weights.
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json.h"
#include "model/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tools/open_model.h"

namespace llmft::fuzz {

void read_gguf_model(std::string_view bytes) {
    static BytesFile file;
    file.put(bytes);
    accepted([] {
        const auto model = open_model(file.path().string());
        constexpr int64_t kMost = int64_t{1} << 28;
        accepted([&] {
            parse_model_config(model->text("config.json", kMost), "config.json");
            parse_json(model->text("generation_config.json", kMost), "generation_config.json", {});
        });
        accepted([&] {
            const Tokenizer tokenizer = Tokenizer::load(*model);
            tokenizer.decode(tokenizer.encode("ab <s>", AddSpecialTokens::kYes), SkipSpecialTokens::kNo);
        });
        accepted([&] {
            if (model->has("chat_template.jinja")) model->text("chat_template.jinja", kMost);
        });
        accepted([&] {
            const auto weights = model->weights();
            std::vector<std::byte> scratch;
            for (const StoredTensor& tensor : weights->tensors())
                if (tensor.cols() <= 4096)
                    accepted([&] { weights->rows(tensor, 0, std::min<int64_t>(tensor.rows(), 1), scratch); });
        });
    });
}

}   // namespace llmft::fuzz
