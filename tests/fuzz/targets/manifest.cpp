// A checkpoint's manifest.json: with the hash that it has, and as if its hash were right.
#include "engine/io/manifest.h"

#include "engine/io/xxh3.h"
#include "engine/log/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tools/run_identity.h"

namespace llmft::fuzz {
namespace {

void read(std::string_view text) {
    accepted([&] {
        const Checkpoint checkpoint = {
            .step = 3, .path = "checkpoint-3", .manifest = parse_manifest(text, "manifest.json")};
        int64_t bytes = 0;
        for (const auto& [name, file] : checkpoint.manifest.files) bytes += file.bytes;
        expect(bytes == checkpoint.manifest.bytes(), "sizes can be summed");
        accepted([&] { planned_tokens(checkpoint); });
        accepted([&] {
            expect_same_run(checkpoint, {.settings = {{"lora_r", "8"}, {"learning_rate", "0.1"}},
                                         .config = {{"rope_theta", "10000.0"}},
                                         .inputs = {{"model", "0123456789abcdef"}},
                                         .tokens_per_microbatch = 64});
        });
    });
}

}   // namespace

void read_manifest(std::string_view bytes) {
    read(bytes);
    std::string sealed(bytes);
    sealed.append(",\n  \"xxh3\": \"").append(hash_text(xxh3(bytes))).append("\"\n}\n");
    read(sealed);
    log::drop();   // what may change in a run is noted
}

}   // namespace llmft::fuzz
