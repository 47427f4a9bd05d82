// `eval --metric exact_match`: which tokens of a row are the question and which the answer, and that the share is that
// of rows whose answer `generate` writes.
#include "tools/eval/exact_match.h"

#include <doctest/doctest.h>

#include "engine/train/batch.h"
#include "tests/data/small_tokenizer.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// Every id of tiny-gqa is a character of its own, so that whatever the model says is text: U+0100 and on, but for the
// first three.
Json one_character_each() {
    Json tokenizer = sentencepiece_json();
    Json& model = tokenizer["model"];
    model["byte_fallback"] = false;
    model["vocab"] = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}, {"▁", 3}};
    model["merges"] = Json::array();
    for (int id = 4; id < 127; ++id) {
        const int point = 0x100 + id;
        model["vocab"][{static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3F))}] = id;
    }
    return tokenizer;
}

// tiny-gqa with that tokenizer, questions of tokens, and what it answers them with.
class Quiz {
public:
    static constexpr int kAnswerTokens = 7;

    Quiz() {
        put(scene_.model() / "tokenizer.json", one_character_each().dump());
        put(scene_.model() / "tokenizer_config.json", config_json().dump());
        const Tokenizer tokenizer = Tokenizer::load(scene_.model());
        for (int32_t i = 0; i < 5; ++i) {
            const std::vector<int32_t> prompt = {1, 3, 20 + 3 * i, 40 + i};
            const std::string text = tokenizer.decode(prompt, SkipSpecialTokens::kYes);
            const Ended ended = run_llmft({"generate", "--model", scene_.model(), "--prompt", text, "--json",
                                           "--max-new-tokens", std::to_string(kAnswerTokens)});
            REQUIRE_MESSAGE(ended.code == 0, ended.err);
            prompts_.push_back(prompt);
            answers_.push_back(Json::parse(ended.out)["ids"].get<std::vector<int32_t>>());
        }
    }

    size_t size() const { return prompts_.size(); }
    std::vector<int32_t> answer(size_t question) const { return answers_[question]; }

    void wanted(const std::vector<std::vector<int32_t>>& answers) const {
        std::string rows;
        for (size_t i = 0; i < answers.size(); ++i) {
            std::vector<int32_t> ids = prompts_[i], labels(prompts_[i].size(), kNoLoss);
            ids.insert(ids.end(), answers[i].begin(), answers[i].end());
            labels.insert(labels.end(), answers[i].begin(), answers[i].end());
            rows += Json({{"input_ids", ids}, {"labels", labels}}).dump() + "\n";
        }
        put(scene_.rows(), rows);
    }

    Ended eval(std::vector<std::string> more = {}) const {
        more.insert(more.begin(),
                    {"eval", "--model", scene_.model(), "--dataset", scene_.rows(), "--dataset-format", "tokens",
                     "--metric", "exact_match", "--max-new-tokens", std::to_string(kAnswerTokens), "--json"});
        return run_llmft(more);
    }
    double share(const std::vector<std::string>& more = {}) const {
        const Ended ended = eval(more);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        return Json::parse(ended.out)["exact_match"].get<double>();
    }
    const Scene& scene() const { return scene_; }

private:
    Scene scene_;
    std::vector<std::vector<int32_t>> prompts_, answers_;
};

}   // namespace

TEST_CASE("the last run of learned tokens is the answer, everything before it the prompt") {
    const Tokenizer tokenizer = Tokenizer::load(TokenizerFolder().path());
    const int32_t a = 260, b = 261, c = 262, space = 259, end = 2;
    const int32_t no = kNoLoss;
    const std::vector<Example> rows = {
        {.ids = {1, a, space, b, end}, .labels = {no, no, space, b, end}, .row = 0},
        {.ids = {1, a, b, end, c, a, b}, .labels = {no, no, b, end, no, a, no}, .row = 1},
        {.ids = {a, b}, .labels = {a, b}, .row = 2},
        {.ids = {a, b}, .labels = {no, no}, .row = 3},
        {.ids = {}, .labels = {}, .row = 4},
    };
    std::vector<std::optional<Question>> questions;
    for (const Example& row : rows) questions.push_back(question_of(row, tokenizer));
    REQUIRE(questions[0]);
    CHECK(questions[0]->prompt == std::vector<int32_t>{1, a});
    CHECK(questions[0]->wanted == "b");
    REQUIRE(questions[1]);
    CHECK(questions[1]->prompt == std::vector<int32_t>{1, a, b, end, c});
    CHECK(questions[1]->wanted == "a");
    for (size_t i = 2; i < rows.size(); ++i) CHECK_FALSE(questions[i]);
}

TEST_CASE("exact_match is the share of rows whose answer the model writes, however it is computed") {
    const Quiz quiz;
    std::vector<std::vector<int32_t>> answers;
    for (size_t i = 0; i < quiz.size(); ++i) answers.push_back(quiz.answer(i));
    quiz.wanted(answers);
    CHECK(quiz.share() == 1);
    // One answer is wrong from its first token, one in its last, and one is too short: its end was not said.
    answers[0][0] = answers[0][0] == 50 ? 51 : 50;
    answers[2].back() = answers[2].back() == 60 ? 61 : 60;
    answers[3].pop_back();
    quiz.wanted(answers);
    CHECK(quiz.share() == 2.0 / 5);
    CHECK(quiz.share({"--batch-size", "1"}) == 2.0 / 5);
    CHECK(quiz.share({"--per-row", quiz.scene().path("rows.out")}) == 2.0 / 5);
    const std::vector<Json> lines = Scene::lines(quiz.scene().path("rows.out"));
    const Tokenizer tokenizer = Tokenizer::load(quiz.scene().model());
    REQUIRE(lines.size() == quiz.size());
    for (size_t i = 0; i < lines.size(); ++i) {
        CHECK(lines[i]["text"] == tokenizer.decode(quiz.answer(i), SkipSpecialTokens::kYes));
        CHECK(lines[i]["exact_match"] == (i == 1 || i == 4));
    }
}

TEST_CASE("rows that ask nothing are not counted; if none asks, exact_match is refused") {
    const Quiz quiz;
    quiz.wanted({quiz.answer(0), {}});
    CHECK(quiz.share() == 1);
    quiz.wanted({{}, {}});
    const Ended ended = quiz.eval();
    CHECK(ended.code == 2);
    CHECK(ended.err.starts_with("llmft: error E-DATA: "));
    std::filesystem::remove(quiz.scene().model() / "tokenizer.json");
    const Ended mute = quiz.eval();
    CHECK(mute.code == 2);
    CHECK(mute.err.starts_with("llmft: error E-MISSING: "));
}
