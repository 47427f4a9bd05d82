// A checkpoint in which anything has changed since it was written is refused: bits, lengths, places, files.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "engine/train/checkpoint_folder.h"
#include "kernels/base/error.h"
#include "tests/faults/crash_states.h"
#include "tests/faults/in_memory.h"
#include "tests/harness/random.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

class Damaging {
public:
    Damaging() : random_("damage") {
        scene_.flag("--lora-r", "2");
        scene_.flag("--save-strategy", "steps");
        scene_.flag("--save-steps", "1");
        const Ended ended = scene_.run();
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        good_ = tree_of(checkpoint_path(scene_.output(), 2));
        earlier_ = tree_of(checkpoint_path(scene_.output(), 1));
        for (const auto& [name, bytes] : good_.files) names_.push_back(name);
        expect_taken();
    }

    const std::string& manifest() const { return good_.files.at(kManifestName); }
    Scene& scene() { return scene_; }
    const std::vector<std::string>& names() const { return names_; }

    void expect_taken() {
        folder_.become(good_);
        CHECK_NOTHROW(open_checkpoint(folder_.path(), ManifestCheck::kContents));
    }

    // One change of one file, refused in a line that names it.
    void refuse(const std::string& name, const std::string& bytes, const std::string& how) {
        if (bytes == good_.files.at(name)) return;
        Tree tree = good_;
        tree.files[name] = bytes;
        INFO(name, ": ", how);
        expect_refused(tree, name);
    }
    void refuse_without(const std::string& name) {
        Tree tree = good_;
        tree.files.erase(name);
        INFO(name, ": removed");
        expect_refused(tree, name);
    }

    void flip(const std::string& name, size_t bit) {
        std::string bytes = good_.files.at(name);
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        refuse(name, bytes, fmt::format("bit {} flipped", bit));
    }

    // Any of the things that happen to files.
    void damage() {
        const std::string& name = names_[below(names_.size())];
        std::string bytes = good_.files.at(name);
        switch (random_.below(6)) {
            case 0:
                bytes.resize(below(bytes.size()));
                return refuse(name, bytes, fmt::format("cut to {}", bytes.size()));
            case 1: bytes.append(1 + below(5000), '\0'); return refuse(name, bytes, "longer");
            case 2: {
                const size_t length = 1 + below(std::min<size_t>(bytes.size() / 2, 4096));
                const size_t a = below(bytes.size() - 2 * length + 1),
                             b = a + length + below(bytes.size() - a - 2 * length + 1);
                std::swap_ranges(bytes.begin() + static_cast<int64_t>(a),
                                 bytes.begin() + static_cast<int64_t>(a + length),
                                 bytes.begin() + static_cast<int64_t>(b));
                return refuse(name, bytes, fmt::format("{} bytes at {} and {} swapped", length, a, b));
            }
            case 3: return swap_files();
            case 4: {
                const size_t first = below(bytes.size()),
                             length = 1 + below(std::min<size_t>(bytes.size() - first, 4096));
                bytes.replace(first, length, std::string(length, '\0'));   // a block that never reached the disk
                return refuse(name, bytes, fmt::format("{} zeros at {}", length, first));
            }
            default: return flip(name, below(8 * bytes.size()));
        }
    }

private:
    size_t below(size_t n) { return static_cast<size_t>(random_.below(static_cast<int64_t>(n))); }

    // With another file of the checkpoint, or with the same one of the checkpoint before.
    void swap_files() {
        const std::string &a = names_[below(names_.size())], &b = names_[below(names_.size())];
        refuse(a, a == b ? earlier_.files.at(a) : good_.files.at(b), "is now what was " + b);
    }

    void expect_refused(const Tree& tree, const std::string& name) {
        folder_.become(tree);
        try {
            open_checkpoint(folder_.path(), ManifestCheck::kContents);
            FAIL_CHECK("was taken for good");
        } catch (const UserError& error) {
            const std::string_view text = error.what();
            // A manifest of another checkpoint is good in itself; what it says of the files here is not.
            const bool other_manifest = name == kManifestName && error.kind() == "HASH";
            CHECK_MESSAGE((text.find(name) != std::string::npos || other_manifest), text);
        }
    }

    InMemory in_memory_;
    Scene scene_;
    Random random_;
    Tree good_, earlier_;
    std::vector<std::string> names_;
    TreeFolder folder_;
};

}   // namespace

TEST_CASE("a checkpoint that has changed anywhere is refused by the name of the file") {
    Damaging damaging;
    for (int i = 0; i < 2000; ++i) damaging.damage();
    for (size_t byte = 0; byte < damaging.manifest().size(); ++byte) damaging.flip(kManifestName, 8 * byte + byte % 8);
    for (const std::string& name : damaging.names()) damaging.refuse_without(name);
    damaging.expect_taken();
}

TEST_CASE("of a hundred thousand damages and every bit of the manifest none is taken" * doctest::test_suite("slow")) {
    Damaging damaging;
    for (int i = 0; i < 100000; ++i) damaging.damage();
    for (size_t bit = 0; bit < 8 * damaging.manifest().size(); ++bit) damaging.flip(kManifestName, bit);
    for (size_t size = 0; size < damaging.manifest().size(); ++size)
        damaging.refuse(kManifestName, damaging.manifest().substr(0, size), "cut");
    damaging.expect_taken();
}

TEST_CASE("a damaged checkpoint stops a run that names it, and is passed over by one that does not") {
    Damaging damaging;
    Scene& scene = damaging.scene();
    const std::string adapter = scene.adapter();
    const Path folder = checkpoint_path(scene.output(), 2), file = folder / "training_state.safetensors";
    std::string bytes = bytes_of(file);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    put(file, bytes);
    scene.flag("--resume", folder);
    const Ended named = scene.run();
    CHECK(named.code == 2);
    CHECK(named.err.starts_with("llmft: error E-HASH: " + file.string() + ": bytes 0 to "));
    CHECK(named.err.find(" from tensor \"") != std::string::npos);
    scene.no_flag("--resume");
    const Ended passed = scene.run();
    CHECK(passed.code == 0);
    CHECK(passed.err.find("checkpoint-2 is skipped: " + file.string()) != std::string::npos);
    CHECK(scene.adapter() == adapter);
}
