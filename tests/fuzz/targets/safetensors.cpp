// model.safetensors: its header, and its tensors as weights, four-bit ones too.
#include "engine/io/safetensors.h"
#include "engine/io/model_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/temp_folder.h"

namespace llmft::fuzz {

void read_safetensors(std::string_view bytes) {
    static BytesFile file;
    static const test::TempFolder folder;
    static const bool linked =
        (std::filesystem::create_symlink(file.path(), folder.path() / "model.safetensors"), true);
    expect(linked, "the folder has its file");
    file.put(bytes);
    accepted([] {
        const Safetensors container = Safetensors::open(file.path());
        for (const SafeTensor& tensor : container.tensors()) {
            expect(container.find(tensor.name) == &tensor, "a tensor is found by its name");
            count_nonfinite(tensor.bytes, tensor.dtype);
        }
    });
    accepted([] {
        const auto weights = FolderModel(folder.path()).weights();
        std::vector<std::byte> scratch;
        for (const StoredTensor& tensor : weights->tensors())
            accepted([&] { weights->rows(tensor, 0, std::min<int64_t>(tensor.rows(), 2), scratch); });
        weights->expect_intact();
    });
}

}   // namespace llmft::fuzz
