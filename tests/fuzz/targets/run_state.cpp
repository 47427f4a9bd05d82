// A checkpoint's trainer_state.json.
#include "engine/train/run_state.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/temp_folder.h"

namespace llmft::fuzz {
namespace {

struct StateFolder {
    BytesFile state;
    test::TempFolder folder;
    StateFolder() { std::filesystem::create_symlink(state.path(), folder.path() / kRunStateName); }
};

}   // namespace

void read_run_state(std::string_view bytes) {
    static StateFolder checkpoint;
    checkpoint.state.put(bytes);
    accepted([] {
        const RunState state = llmft::read_run_state(checkpoint.folder.path());
        expect(state.loop.step >= 0 && state.loop.num_tokens >= 0 && state.metrics_bytes >= 0, "counts are counts");
    });
}

}   // namespace llmft::fuzz
