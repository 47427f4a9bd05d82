// tokenizer_config.json: special tokens and chat templates.
#include "data/chat.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_model.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {

void read_tokenizer_config(std::string_view bytes) {
    static FilesInMemory files({{"tokenizer.json", kSmallTokenizer}, {"tokenizer_config.json", ""}});
    static const OrderedJson messages = {{{"role", "user"}, {"content", "a"}}};
    files.put("tokenizer_config.json", bytes);
    accepted([] {
        const Tokenizer tokenizer = Tokenizer::load(files);
        tokenizer.notes();
        if (!ChatFormat::has_template(files)) return;
        const ChatFormat format(files, tokenizer);
        format.ids({.messages = messages});
        format.end_of_turn();
    });
}

}   // namespace llmft::fuzz
