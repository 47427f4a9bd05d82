// The real program on a stack of 2 MiB, threads included (attention keeps most of 1 MiB of tiles there): nothing that
// it is given makes it recurse deeper.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/harness/sanitizers.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr rlim_t kStack = rlim_t{kSanitized ? 6 : 2} << 20;   // sanitized frames are several times as large

// Children begin with this process's limit; its own stack is not touched.
class SmallStacks {
public:
    SmallStacks() {
        getrlimit(RLIMIT_STACK, &before_);
        const rlimit small = {.rlim_cur = kStack, .rlim_max = before_.rlim_max};
        setrlimit(RLIMIT_STACK, &small);
    }
    SmallStacks(const SmallStacks&) = delete;
    SmallStacks& operator=(const SmallStacks&) = delete;
    ~SmallStacks() { setrlimit(RLIMIT_STACK, &before_); }

private:
    rlimit before_ = {};
};

std::string nested(size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

void check_refused(const Ended& ended, const char* kind) {
    CAPTURE(ended.err.substr(0, 500));
    CHECK(ended.signal == 0);
    CHECK(ended.code == 2);
    CHECK(ended.err.find(kind) != std::string::npos);
}

}   // namespace

TEST_CASE("every command works on a small stack") {
    const SmallStacks small;
    Scene scene;
    for (const char* method : {"lora", "qlora", "full"}) {
        CAPTURE(std::string(method));
        scene.flag("--method", method);
        scene.flag("--output-dir", scene.path(method));
        const Ended ended = scene.run();
        CHECK_MESSAGE(ended.code == 0, ended.err);
    }
    CHECK(run_llmft(
              {"merge", "--model", scene.model(), "--adapter", scene.path("lora"), "--output", scene.path("merged")})
              .code == 0);
    CHECK(run_llmft({"quantize", "--model", scene.model(), "--output", scene.path("nf4")}).code == 0);
    CHECK(run_llmft({"inspect", scene.path("merged")}).code == 0);
    CHECK(run_llmft({"verify", scene.path("full")}).code == 0);
}

TEST_CASE("depth in a file is refused on a small stack, not recursed into") {
    constexpr size_t kDeep = 200'000;
    const SmallStacks small;
    {
        Scene scene;
        put(scene.model() / "config.json", "{\"a\":" + nested(kDeep) + "}");
        check_refused(scene.run(), "E-LIMIT");
    }
    {
        Scene scene;
        put(scene.rows(), "{\"input_ids\":" + nested(kDeep) + "}\n");
        check_refused(scene.run(), "E-LIMIT");
    }
    {
        Scene scene;
        const std::string header = "{\"a\":" + nested(kDeep) + "}";
        put(scene.weights(), length_prefix(header.size()) + header);
        check_refused(scene.run(), "E-LIMIT");
    }
    {
        Scene scene;
        put(scene.path("run.toml"), "lora_r = " + nested(5000) + "\n");
        scene.flag("--config", scene.path("run.toml"));
        CHECK(scene.run().code == 2);
    }
    for (const std::string& text : {"{{ " + std::string(kDeep / 10, '(') + "1" + std::string(kDeep / 10, ')') + " }}",
                                    [] {
                                        std::string ifs;
                                        for (int i = 0; i < 5000; ++i) ifs += "{% if true %}";
                                        return ifs;
                                    }(),
                                    std::string("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}")}) {
        Scene scene;
        put(scene.path("deep.jinja"), text);
        put(scene.rows(), "{\"messages\":[]}\n");
        const Ended ended = run_llmft(
            {"inspect", "template", "--template", scene.path("deep.jinja"), "--dataset", scene.rows(), "--json"});
        CHECK(ended.signal == 0);
        CHECK((ended.code == 2 || ended.out.find("\"error\"") != std::string::npos));
    }
}
