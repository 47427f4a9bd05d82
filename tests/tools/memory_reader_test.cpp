// Every allocation of every reader fails once: what leaves is "out of memory", never another error, and nothing stays
// allocated.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <new>

#include "data/dataset.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/gguf.h"
#include "engine/io/manifest.h"
#include "engine/io/model_files.h"
#include "engine/io/model_source.h"
#include "model/adapter/adapter_file.h"
#include "model/config.h"
#include "tests/harness/allocations.h"
#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/few_tokens.h"
#include "tools/little_memory.h"
#include "tools/train_setup.h"

using namespace llmft;
using namespace llmft::test;

namespace {

struct Progress {
    int64_t n = 0;   // the allocation that fails now
    bool done = false, kept = false;
    char other[200] = {};   // what else was thrown
};

// In a child: `read` with its n-th allocation failing, for all n from `shared.n` on, until one run needs fewer.
[[noreturn]] void fail_from(Progress& shared, const std::function<void()>& read) {
    prepare_for_little_memory();
    close(STDERR_FILENO);
    const int64_t before = live_bytes();
    for (;; ++shared.n) {
        bool happened = false, threw = false;
        {
            const FailingAllocation failing(shared.n, Failing::kOnce);
            try {
                read();
            } catch (const std::bad_alloc&) {
                threw = true;
            } catch (const OutOfMemory&) {
                threw = true;
            } catch (const std::exception& e) {
                threw = true;
                std::snprintf(shared.other, sizeof shared.other, "%s", e.what());
            }
            happened = failing.happened();
        }
        shared.kept = shared.kept || live_bytes() != before;
        shared.done = !happened;
        if (shared.done || shared.kept || shared.other[0] != 0) _exit(threw == happened ? 0 : 1);
        if (!threw) _exit(1);
    }
}

// The number of allocations, and of those that end the process in place, for they lie in a destructor.
std::pair<int64_t, int64_t> fail_every(const std::function<void()>& read) {
    read();   // what is allocated once for the whole process
    void* const room = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *new (room) Progress{.n = 1};
    int64_t in_place = 0;
    while (true) {
        const pid_t child = fork();
        if (child == 0) fail_from(shared, read);
        int status = 0;
        waitpid(child, &status, 0);
        CAPTURE(shared.n);
        CHECK(std::string(shared.other) == "");
        CHECK_FALSE(shared.kept);
        REQUIRE(WIFEXITED(status));
        if (WEXITSTATUS(status) != 3) {
            CHECK(WEXITSTATUS(status) == 0);
            CHECK(shared.done);
            break;
        }
        ++in_place;
        ++shared.n;
    }
    const int64_t count = shared.n - 1;
    munmap(room, sizeof(Progress));
    return {count, in_place};
}

}   // namespace

TEST_CASE("a reader whose n-th allocation fails throws out of memory, for every n, and keeps nothing") {
    Scene scene;
    scene.make_adapter();
    write_manifest(scene.path("adapter"), make_manifest(scene.path("adapter"), {{"kind", "adapter"}}));
    put(scene.model() / "tokenizer.json", few_tokens_json().dump());
    put(scene.path("text.jsonl"), "{\"text\":\"ab\"}\n{\"text\":\"abc a\"}\n");
    put(scene.path("run.toml"), "lora_r = 4\ntarget_modules = [\"q_proj\", \"v_proj\"]\n");
    const Path golden = source_dir() / "tests/golden";
    const Tokenizer tokenizer = Tokenizer::load(FolderModel(scene.model()));
    const auto rows = [&](const char* file) {
        read_dataset({scene.path(file).string()}, DataOptions(), {.tokenizer = &tokenizer, .vocab_size = 127});
    };
    const struct {
        const char* what;
        std::function<void()> read;
    } kReaders[] = {
        {"a safetensors file", [&] { Safetensors::open(scene.weights()); }},
        {"shards", [&] { ModelFiles::open(golden / "tiny-sharded-bf16"); }},
        {"a GGUF file", [&] { Gguf::open(golden / "gguf-mixed" / "model.gguf"); }},
        {"config.json", [&] { read_model_config(scene.model()); }},
        {"an adapter", [&] { AdapterFile::open(scene.path("adapter")); }},
        {"a tokenizer", [&] { Tokenizer::load(FolderModel(scene.model())); }},
        {"rows of tokens", [&] { rows("rows.jsonl"); }},
        {"rows of text", [&] { rows("text.jsonl"); }},
        {"a manifest", [&] { read_manifest(scene.path("adapter")); }},
        {"flags and a run file",
         [&] {
             TrainOptions options;
             Flags flags("train", "");
             options.declare(flags);
             flags.parse({"--config", scene.path("run.toml"), "--lora-alpha", "3"});
         }},
    };
    for (const auto& reader : kReaders) {
        CAPTURE(std::string(reader.what));
        const auto [count, in_place] = fail_every(reader.read);
        CHECK(count > 0);
        std::printf("%s: each of %lld allocations made to fail, %lld of them in destructors\n", reader.what,
                    static_cast<long long>(count), static_cast<long long>(in_place));
    }
}
