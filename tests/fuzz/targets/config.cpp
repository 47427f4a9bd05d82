// config.json.
#include "model/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"

namespace llmft::fuzz {

void read_config(std::string_view bytes) {
    accepted([&] {
        const ModelConfig config = parse_model_config(bytes, "config.json");
        expect(config.hidden_size > 0 && config.vocab_size > 0 && config.num_hidden_layers > 0, "sizes are positive");
        expect(config.head_dim % 2 == 0, "heads have pairs");
        expect(config.num_attention_heads % config.num_key_value_heads == 0, "heads share keys evenly");
        expect(config.windowed.empty() || config.windowed.size() == static_cast<size_t>(config.num_hidden_layers),
               "windows are told of each layer");
        expect(parameter_count(config) > linear_parameter_count(config), "parameters can be counted");
    });
}

}   // namespace llmft::fuzz
