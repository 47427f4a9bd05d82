// One run under --portable, in every way it can be run: always the same adapter, and always this one, whatever the
// compiler, the processor and the number of threads.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "engine/io/xxh3.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// Of adapter_model.safetensors. Changes only with the mathematics of training or the format of the file: say why in the
// commit that changes it.
constexpr const char* kAdapter = "052c8ea191b25d61";

void portable(Scene& scene) {
    put(scene.rows(), token_rows(9, 23, 1));
    scene.flag("--portable", "true");
    scene.flag("--max-steps", "11");
    scene.flag("--per-device-train-batch-size", "4");
    scene.flag("--learning-rate", "0.01");
    scene.flag("--lora-dropout", "0.1");
    scene.flag("--lora-r", "5");
}

std::string adapter_hash(const Scene& scene) {
    return hash_text(xxh3(scene.adapter()));
}

}   // namespace

TEST_CASE("the adapter of a portable run is the same again, for 1, 2 and 3 threads, with any compiler") {
    Scene scene;
    portable(scene);
    for (const char* threads : {"1", "1", "2", "3"}) {
        CAPTURE(std::string(threads));
        const Ended ended = run_llmft(scene.arguments(), {{"OMP_NUM_THREADS", threads}});
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        CHECK(adapter_hash(scene) == kAdapter);
    }
}

TEST_CASE("rows in one file, in several, as an array, with other line ends and blank lines, give the same adapter") {
    Scene scene;
    portable(scene);
    const std::string rows = bytes_of(scene.rows());
    std::vector<std::string> lines;
    for (size_t at = 0; at < rows.size(); at = rows.find('\n', at) + 1)
        lines.push_back(rows.substr(at, rows.find('\n', at) - at));
    const auto joined = [&](size_t first, size_t last, const char* between) {
        std::string text;
        for (size_t i = first; i < last; ++i) text += (i == first ? "" : between) + lines[i];
        return text;
    };
    put(scene.path("a.jsonl"), joined(0, 4, "\n"));
    put(scene.path("b.jsonl"), joined(4, 9, "\r\n\r\n") + "\n");
    put(scene.path("array.json"), "[" + joined(0, 9, " ,\n ") + "]");
    // Longer than any buffer that rows are read through: an unknown field of 3 MiB.
    put(scene.path("wide.jsonl"),
        joined(0, 8, "\n") + "\n{\"more\":\"" + std::string(size_t{3} << 20, 'x') + "\"," + lines[8].substr(1) + "\n");
    for (const std::string& dataset : {scene.path("a.jsonl").string() + "," + scene.path("b.jsonl").string(),
                                       scene.path("array.json").string(), scene.path("wide.jsonl").string()}) {
        CAPTURE(dataset);
        scene.flag("--dataset", dataset);
        const Ended ended = scene.run();
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        CHECK(adapter_hash(scene) == kAdapter);
    }
}

TEST_CASE("a portable run that is stopped by a signal and started again gives the same adapter") {
    Scene scene;
    portable(scene);
    for (int stops = 0; stops < 3; ++stops) {
        Process process({.arguments = scene.arguments()});
        const fs::path metrics = scene.output() / "metrics.jsonl";
        std::error_code ignored;
        const auto before = fs::exists(metrics) ? fs::file_size(metrics, ignored) : 0;
        while (process.running() && (!fs::exists(metrics) || fs::file_size(metrics, ignored) <= before))
            std::this_thread::yield();
        process.send(SIGTERM);
        const int code = process.wait().code;
        CHECK((code == 75 || code == 0));
    }
    REQUIRE(scene.run().code == 0);
    CHECK(adapter_hash(scene) == kAdapter);
    CHECK(scene.metrics().size() == 11);
}
