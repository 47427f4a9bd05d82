// A disk that is full: a tmpfs of a few hundred kilobytes as the place for the output. Needs the right to mount.
#include <doctest/doctest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

class SmallDisk {
public:
    SmallDisk(Path at, const std::string& size) : at_(std::move(at)) {
        fs::create_directory(at_);
        mounted_ = mount("tmpfs", at_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) umount(at_.c_str());
    }
    explicit operator bool() const { return mounted_; }
    bool grow(const std::string& size) const {
        return mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()) == 0;
    }
    void fill() const {
        std::ofstream filler(at_ / "filler", std::ios::binary);
        const std::string page(4096, 'x');
        while (filler.write(page.data(), 4096).flush()) {
        }
    }

private:
    Path at_;
    bool mounted_ = false;
};

int error_lines(const std::string& err) {
    int count = 0;
    for (size_t at = err.find("llmft: error E-DISK: "); at != std::string::npos;
         at = err.find("llmft: error E-DISK: ", at + 1))
        ++count;
    return count;
}

}   // namespace

TEST_CASE("a disk that is full before the run is exit 3, one line, and no folder") {
    Scene scene;
    const SmallDisk disk(scene.path("disk"), "64k");
    if (!disk) return skip("no right to mount");
    disk.fill();
    scene.flag("--output-dir", scene.path("disk") / "out");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 3);
    CHECK(error_lines(ended.err) == 1);
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK(ended.out == "");
    CHECK_FALSE(fs::exists(scene.path("disk") / "out"));
}

TEST_CASE("a disk without room for the result is exit 3 at the start, one that fills up leaves no result, not half") {
    for (const char* method : {"lora", "full"}) {
        CAPTURE(std::string(method));
        Scene scene;
        const SmallDisk disk(scene.path("disk"), "64k");
        if (!disk) return skip("no right to mount");
        const Path out = scene.path("disk") / "out";
        scene.flag("--output-dir", out);
        scene.flag("--method", method);
        const Ended small = scene.run();
        CAPTURE(small.err);
        CHECK(small.code == 3);
        CHECK(small.err.starts_with("llmft: error E-DISK: "));
        CHECK_FALSE(fs::exists(out));
        const size_t at = small.err.find("the result needs ");
        REQUIRE(at != std::string::npos);
        // Room for the result, until run.toml and metrics.jsonl take a page each.
        const int64_t bytes = std::stoll(small.err.substr(at + std::string("the result needs ").size()));
        REQUIRE(disk.grow(std::to_string((bytes + 8191) / 4096 * 4) + "k"));
        const Ended ended = scene.run();
        CAPTURE(ended.err);
        CHECK(ended.code == 3);
        CHECK(error_lines(ended.err) == 1);
        CHECK(ended.err.ends_with('\n'));
        CHECK(ended.err.rfind("llmft: error") == ended.err.rfind('\n', ended.err.size() - 2) + 1);
        CHECK(ended.out == "");
        for (const auto& entry : fs::directory_iterator(out)) {
            const std::string name = entry.path().filename();
            CAPTURE(name);
            CHECK((name == "run.toml" || name == "metrics.jsonl"));
        }
    }
}

TEST_CASE("a disk that fills up while steps are logged is exit 3, and no adapter claims to be finished") {
    Scene scene;
    const SmallDisk disk(scene.path("disk"), "256k");
    if (!disk) return skip("no right to mount");
    scene.flag("--output-dir", scene.path("disk") / "out");
    scene.flag("--max-steps", "10000");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 3);
    CHECK(error_lines(ended.err) == 1);
    CHECK_FALSE(fs::exists(scene.path("disk") / "out" / "adapter_model.safetensors"));
}

TEST_CASE("a disk without room for a checkpoint is exit 3 before the first step, and no folder") {
    Scene scene;
    const SmallDisk disk(scene.path("disk"), "64k");
    if (!disk) return skip("no right to mount");
    scene.flag("--output-dir", scene.path("disk") / "out");
    scene.flag("--save-strategy", "epoch");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 3);
    CHECK(ended.err.starts_with("llmft: error E-DISK: "));
    CHECK(ended.err.find("a checkpoint beside one needs ") != std::string::npos);
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(scene.path("disk") / "out"));
}

TEST_CASE("a disk that is full at a later checkpoint is exit 3, keeps the ones before, and room lets the run go on") {
    Scene scene;
    const SmallDisk disk(scene.path("disk"), "1m");
    if (!disk) return skip("no right to mount");
    scene.flag("--lora-r", "4");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "1");
    scene.flag("--max-steps", "40");
    REQUIRE(scene.run().code == 0);
    const std::string adapter = scene.adapter();
    const Path out = scene.path("disk") / "out";
    scene.flag("--output-dir", out);
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    REQUIRE(ended.code == 3);
    CHECK(error_lines(ended.err) == 1);
    CHECK(ended.err.find("checkpoint-") != std::string::npos);
    CHECK(fs::exists(out / "checkpoint-1"));
    CHECK(run_llmft({"verify", out}).code == 0);
    REQUIRE(disk.grow("16m"));
    const Ended more = scene.run();
    REQUIRE_MESSAGE(more.code == 0, more.err);
    CHECK(bytes_of(out / "adapter_model.safetensors") == adapter);
}

TEST_CASE("a full disk under --per-row is exit 3 and one line, and leaves no file") {
    Scene scene;
    const SmallDisk disk(scene.path("disk"), "16k");
    if (!disk) return skip("no right to mount");
    put(scene.rows(), token_rows(40, 100, 1));
    scene.command("eval");
    scene.flag("--per-row", scene.path("disk") / "rows.out");
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 3);
    CHECK(error_lines(ended.err) == 1);
    CHECK(ended.out == "");
    CHECK(fs::is_empty(scene.path("disk")));
}
