// model.safetensors.index.json, beside two shards.
#include "engine/io/model_files.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/temp_folder.h"

namespace llmft::fuzz {
namespace {

struct Shards {
    BytesFile index;
    test::TempFolder folder;

    Shards() {
        std::filesystem::create_symlink(index.path(), folder.path() / "model.safetensors.index.json");
        folder.write("a.safetensors", shard("x"));
        folder.write("b.safetensors", shard("y"));
        folder.write("notes.txt", "no shard");
    }
    static std::string shard(std::string_view tensor) {
        return test::container("{" + test::tensor_entry(tensor, "F32", "[2]", "[0,8]") + "}", 8);
    }
};

}   // namespace

void read_index(std::string_view bytes) {
    static Shards shards;
    shards.index.put(bytes);
    accepted([] {
        const ModelFiles files = ModelFiles::open(shards.folder.path());
        expect(files.total_bytes() == 8 * static_cast<int64_t>(files.names().size()), "the tensors are the shards'");
        for (const std::string_view name : files.names()) expect(files.find(name).file != nullptr, "a name is found");
    });
}

}   // namespace llmft::fuzz
