// `llmft generate` as a user runs it: prompts, files of prompts, conversations, adapters. What the texts are against
// transformers is text_test.cpp's; how they are drawn is sampling_test.cpp's.
#include <doctest/doctest.h>

#include "tests/data/small_tokenizer.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr const char* kStory = "weights/story-llama-0.6M";
constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.role[0] }}{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}a{% endif %}";

Ended generate(const Path& model, std::vector<std::string> more, const std::string& input = "") {
    more.insert(more.begin(), {"generate", "--model", model});
    return Process({.arguments = more, .input = input}).wait();
}

Ended generated(const Path& model, const std::vector<std::string>& more, const std::string& input = "") {
    Ended ended = generate(model, more, input);
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    return ended;
}

// The small tokenizer without its bytes: tiny-gqa has room for 127 tokens. Its own ids beyond the tenth have no text.
Json few_tokens() {
    Json tokenizer = sentencepiece_json();
    Json& model = tokenizer["model"];
    model["byte_fallback"] = false;
    model["vocab"] = Json::object();
    int id = 0;
    for (const char* token : {"<unk>", "<s>", "</s>", "▁", "a", "b", "c", "ab", "▁a", "▁ab", "abc"})
        model["vocab"][token] = id++;
    return tokenizer;
}

// tiny-gqa with a tokenizer and a chat template.
class ChatScene {
public:
    explicit ChatScene(const char* chat_template = kTemplate, const Json& tokenizer = few_tokens()) {
        Json config = config_json();
        if (chat_template) config["chat_template"] = chat_template;
        put(scene.model() / "tokenizer.json", tokenizer.dump());
        put(scene.model() / "tokenizer_config.json", config.dump());
    }
    Scene scene;
};

std::optional<std::filesystem::path> story() {
    return test_data(kStory);
}

}   // namespace

TEST_CASE("a file of prompts gives each prompt's own text, whatever the batch") {
    const auto model = story();
    if (!model) return skip(std::string("no ") + kStory);
    const TempFolder folder;
    const std::vector<std::string> prompts = {"Once upon a time", "The cat", "A", "Tom and Lily went to the park and"};
    std::string text, rows;
    for (const std::string& prompt : prompts) {
        text += prompt + "\n\n";
        rows += Json({{"prompt", prompt}, {"id", 1}}).dump() + "\n";
    }
    const std::string txt = folder.write("p.txt", text), jsonl = folder.write("p.jsonl", rows);
    for (const std::vector<std::string>& how :
         {std::vector<std::string>{}, {"--temperature", "1", "--top-p", "0.9", "--top-k", "50", "--seed", "3"}}) {
        const auto run = [&](std::vector<std::string> more) {
            more.insert(more.end(), how.begin(), how.end());
            for (const char* one : {"--json", "--max-new-tokens", "24"}) more.emplace_back(one);
            return Json::parse(generated(*model, more).out);
        };
        const Json together = run({"--prompt-file", txt});
        REQUIRE(together.size() == prompts.size());
        CHECK(run({"--prompt-file", jsonl, "--batch-size", "1"}) == together);
        CHECK(run({"--prompt-file", txt, "--batch-size", "2"}) == together);
        if (how.empty())
            for (size_t i = 0; i < prompts.size(); ++i) CHECK(run({"--prompt", prompts[i]}) == together[i]);
        else
            CHECK(run({"--prompt", prompts[0]}) == together[0]);
    }
}

TEST_CASE("a seed gives its text for any number of threads; another seed another") {
    const auto model = story();
    if (!model) return skip(std::string("no ") + kStory);
    const auto text = [&](const char* seed, const char* threads) {
        return run_llmft({"generate", "--model", *model, "--prompt", "One day", "--temperature", "1", "--seed", seed},
                         {{"OMP_NUM_THREADS", threads}})
            .out;
    };
    CHECK(text("1", "1") == text("1", "3"));
    CHECK(text("1", "1") != text("2", "1"));
}

TEST_CASE("plain output is the text and a newline; --json is one document; both are the same text") {
    const auto model = story();
    if (!model) return skip(std::string("no ") + kStory);
    const std::vector<std::string> prompt = {"--prompt", "Once upon a time", "--max-new-tokens", "40"};
    std::vector<std::string> with_json = prompt;
    with_json.emplace_back("--json");
    const Json answer = Json::parse(generated(*model, with_json).out);
    CHECK(answer.size() == 3);
    CHECK(answer["finish_reason"] == "length");
    CHECK(answer["ids"].size() == 40);
    CHECK(generated(*model, prompt).out == answer["text"].get<std::string>() + "\n");
    std::vector<std::string> penalised = with_json;
    for (const char* one : {"--repetition-penalty", "1.5"}) penalised.emplace_back(one);
    CHECK(Json::parse(generated(*model, penalised).out)["text"] != answer["text"]);
}

TEST_CASE("a turn goes through the chat template, and so do a file's turns and messages") {
    const ChatScene chat;
    const Path model = chat.scene.model();
    const std::vector<std::string> rest = {"--json", "--max-new-tokens", "12"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), rest.begin(), rest.end());
        return Json::parse(generated(model, more).out);
    };
    const Json turn = with({"--chat", "--prompt", "ab"});
    CHECK(turn != with({"--prompt", "ab"}));
    const Json told = with({"--chat", "--system", "c", "--prompt", "ab"});
    CHECK(told != turn);
    const std::string rows = R"({"prompt": "ab"})"
                             "\n"
                             R"({"messages": [{"role": "user", "content": "ab"}]})"
                             "\n"
                             R"({"messages": [{"role": "system", "content": "c"}, {"role": "user", "content": "ab"}]})"
                             "\n";
    put(chat.scene.path("p.jsonl"), rows);
    CHECK(with({"--chat", "--prompt-file", chat.scene.path("p.jsonl")}) == Json({turn, turn, told}));
    const Json plain = with({"--prompt-file", chat.scene.path("p.jsonl")});
    CHECK(plain[0] == with({"--prompt", "ab"}));
    CHECK(plain[1] == turn);
}

TEST_CASE("turns from stdin are a conversation: each answer is the one that the whole history gets") {
    const ChatScene chat;
    const Path model = chat.scene.model();
    const std::vector<std::string> rest = {"--json", "--max-new-tokens", "8", "--portable"};
    const auto talk = [&](const std::string& input) {
        std::vector<std::string> arguments = rest;
        arguments.emplace_back("--chat");
        std::vector<Json> answers;
        std::istringstream lines(generated(model, arguments, input).out);
        for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
        return answers;
    };
    const std::vector<Json> answers = talk("ab\n\nbc\nca");
    REQUIRE(answers.size() == 3);
    OrderedJson messages = OrderedJson::array();
    for (size_t i = 0; i < answers.size(); ++i) {
        const char* turns[] = {"ab", "bc", "ca"};
        messages.push_back({{"role", "user"}, {"content", turns[i]}});
        put(chat.scene.path("p.jsonl"), OrderedJson({{"messages", messages}}).dump() + "\n");
        std::vector<std::string> arguments = rest;
        for (const std::string& one : {std::string("--prompt-file"), chat.scene.path("p.jsonl").string()})
            arguments.push_back(one);
        CHECK(Json::parse(generated(model, arguments).out)[0] == answers[i]);
        messages.push_back({{"role", "assistant"}, {"content", answers[i]["text"]}});
    }
    CHECK(talk("bc\n/clear\nab\n")[1] == answers[0]);
    CHECK(talk("").empty());
}

TEST_CASE("a conversation that has grown too long says so and goes on when it is cleared") {
    const ChatScene chat;
    const Ended ended = generated(chat.scene.model(), {"--chat", "--max-seq-length", "20", "--max-new-tokens", "4"},
                                  "ab\n" + std::string(40, 'c') + "\n/clear\nab\n");
    CHECK(ended.err.find("--max-seq-length") != std::string::npos);
    std::istringstream lines(ended.out);
    std::string first, second;
    std::getline(lines, first);
    std::getline(lines, second);
    CHECK(first == second);
}

TEST_CASE("several adapters are loaded at once; rows and turns say which one speaks") {
    const ChatScene chat;
    const Path a = chat.scene.path("a"), b = chat.scene.path("b");
    for (const auto& [folder, seed] : {std::pair(a, 1), std::pair(b, 2)}) {
        put(chat.scene.rows(), token_rows(6, 9, seed));
        const Ended trained = run_llmft({"train", "--model", chat.scene.model(), "--dataset", chat.scene.rows(),
                                         "--output-dir", folder, "--max-steps", "8", "--learning-rate", "0.05",
                                         "--lora-r", seed == 1 ? "4" : "8", "--save-strategy", "no"});
        REQUIRE_MESSAGE(trained.code == 0, trained.err);
    }
    const auto alone = [&](const std::vector<std::string>& adapter) {
        std::vector<std::string> more = {"--prompt", "ab", "--max-new-tokens", "12", "--json"};
        more.insert(more.end(), adapter.begin(), adapter.end());
        return Json::parse(generated(chat.scene.model(), more).out);
    };
    const Json base = alone({}), with_a = alone({"--adapter", a}), with_b = alone({"--adapter", b});
    CHECK(with_a != base);
    CHECK(with_a != with_b);
    put(chat.scene.path("p.jsonl"), R"({"prompt": "ab", "adapter": "b"})"
                                    "\n"
                                    R"({"prompt": "ab"})"
                                    "\n"
                                    R"({"prompt": "ab", "adapter": "none"})"
                                    "\n"
                                    R"({"prompt": "ab", "adapter": "a"})"
                                    "\n");
    const std::string both = a.string() + "," + b.string();
    const Ended ended = generated(chat.scene.model(), {"--adapter", both, "--prompt-file", chat.scene.path("p.jsonl"),
                                                       "--max-new-tokens", "12", "--json"});
    CHECK(Json::parse(ended.out) == Json({with_b, with_a, base, with_a}));

    const Ended talk = generated(
        chat.scene.model(), {"--adapter", both, "--chat", "--json", "--max-new-tokens", "12"},
        "ab\n/clear\n/adapter b\nab\n/clear\n/adapter " + a.string() + "\nab\n/clear\n/adapter none\nab\n/adapter c\n");
    CHECK(talk.err.find("use one of a, b, or none") != std::string::npos);
    std::vector<Json> answers;
    std::istringstream lines(talk.out);
    for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
    REQUIRE(answers.size() == 4);
    CHECK(answers[0] == answers[2]);
    CHECK(answers[0] != answers[1]);
    CHECK(answers[3] != answers[0]);
    CHECK(answers[3] != answers[1]);
}

TEST_CASE("what cannot be generated is one line that says why and what to do") {
    const ChatScene chat;
    const Path model = chat.scene.model(), file = chat.scene.path("p.jsonl");
    const auto refused = [&](const std::vector<std::string>& more, const char* part) {
        CAPTURE(part);
        const Ended ended = generate(model, more);
        CHECK(ended.code == 2);
        CHECK(ended.out.empty());
        CHECK(ended.err.find("llmft: error E-") == 0);
        CHECK(ended.err.find('\n') == ended.err.size() - 1);
        CHECK_MESSAGE(ended.err.find(part) != std::string::npos, ended.err);
    };
    refused({}, "--chat for turns from stdin");
    refused({"--prompt", "a", "--prompt-file", file}, "give one of them");
    refused({"--prompt", "a", "--system", "b"}, "add --chat");
    refused({"--prompt", "a", "--top-p", "0"}, "--top-p");
    refused({"--prompt", "a", "--temperature", "-1"}, "--temperature");
    refused({"--prompt-file", file}, "there is no such file");
    refused({"--prompt", "a", "--adapter", "x,,y"}, "between commas");
    for (const auto& [row, part] : std::vector<std::pair<const char*, const char*>>{
             {"", "there is no prompt in it"},
             {"{\"text\": \"a\"}", "p.jsonl:1: it has neither prompt nor messages"},
             {"\n[1]", "p.jsonl:2"},
             {"{\"prompt\": 7}", "prompt: is number, wanted a text"},
             {"{\"messages\": []}", "wanted a list of messages"},
             {"{\"messages\": [{\"content\": \"a\"}]}", "an object with a role"},
             {"{\"prompt\": \"a\"", "p.jsonl:1"},
             {"{\"prompt\": \"a\", \"adapter\": \"x\"}", "name its folder in --adapter"}}) {
        put(file, row);
        refused({"--prompt-file", file}, part);
    }
    Json no_bos = few_tokens();
    no_bos["post_processor"] = nullptr;
    const ChatScene bare(kTemplate, no_bos);
    CHECK(generate(bare.scene.model(), {"--prompt", ""}).err.find("the prompt has no tokens") != std::string::npos);
    const ChatScene silent(nullptr);
    const Ended ended = generate(silent.scene.model(), {"--chat", "--prompt", "a"});
    CHECK(ended.code == 2);
    CHECK(ended.err.find("no chat template") != std::string::npos);
    const ChatScene strict("{{ raise_exception('only ' ~ messages|length) }}");
    CHECK(generate(strict.scene.model(), {"--chat", "--prompt", "a"}).err.find("only 1") != std::string::npos);
}

TEST_CASE("a text beyond the model's positions is a note") {
    const ChatScene chat;   // tiny-gqa has 128 positions
    const Ended ended = generated(chat.scene.model(), {"--prompt", "ab", "--max-new-tokens", "140"});
    CHECK(ended.err.find("llmft: note: ") == 0);
    CHECK(ended.err.find("128 positions") != std::string::npos);
}

TEST_CASE("a batch that does not fit the memory limit is decoded in smaller ones, to the same texts") {
    const auto model = story();
    if (!model) return skip(std::string("no ") + kStory);
    const TempFolder folder;
    std::string text;
    for (int i = 0; i < 8; ++i) text += "The " + std::string(static_cast<size_t>(i + 1), 'b') + "\n";
    const std::string file = folder.write("p.txt", text);
    const std::vector<std::string> all = {"--prompt-file", file, "--json", "--max-new-tokens", "16"};
    std::vector<std::string> little = all;
    for (const char* one : {"--memory-limit", "2900KiB"}) little.emplace_back(one);
    const Ended ended = generated(*model, little);
    CHECK(ended.err.find("do not fit the memory") != std::string::npos);
    CHECK(ended.out == generated(*model, all).out);
}
