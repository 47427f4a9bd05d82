// Conversations against transformers' apply_chat_template (tests/oracle/templates.py), and where templates are found.
#include "data/chat.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "engine/io/file.h"
#include "tests/data/small_tokenizer.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// A tokenizer folder with some template in it.
class ChatFolder {
public:
    explicit ChatFolder(const Json& chat_template = nullptr) {
        Json config = config_json();
        if (!chat_template.is_null()) config["chat_template"] = chat_template;
        folder_.write("tokenizer.json", sentencepiece_json().dump());
        folder_.write("tokenizer_config.json", config.dump());
    }
    void write(const std::string& name, const std::string& text) { folder_.write(name, text); }
    std::string text(const Conversation& conversation) const {
        const FolderModel model(folder_.path());
        const Tokenizer tokenizer = Tokenizer::load(model);
        return ChatFormat(model, tokenizer).text(conversation);
    }
    const std::filesystem::path& path() const { return folder_.path(); }

private:
    TempFolder folder_;
};

Conversation hello(const OrderedJson& tools = nullptr) {
    return {.messages = {{{"role", "user"}, {"content", "hi"}}}, .tools = tools};
}

}   // namespace

TEST_CASE("real chat templates give the ids of transformers' apply_chat_template") {
    const Path golden = source_dir() / "tests/golden/templates/chats.json";
    const OrderedJson file = parse_ordered_json(read_file(golden, 1 << 22), golden.string(), {});
    int compared = 0;
    for (const auto& entry : file.items()) {
        const std::string& name = entry.key();
        const OrderedJson& rows = entry.value();
        const auto folder = test_data(name == "smollm2" ? "weights/smollm2-135m-instruct" : name);
        if (!folder) {
            skip("no " + name);
            continue;
        }
        const FolderModel model(*folder);
        if (const Refusal unread = refusal_of([&] { Tokenizer::load(model); }); !unread.kind.empty()) {
            skip(name + ": its tokenizer is not read yet");
            continue;
        }
        const Tokenizer tokenizer = Tokenizer::load(model);
        const ChatFormat format(model, tokenizer);
        for (const OrderedJson& row : rows) {
            CAPTURE(name);
            CAPTURE(row.at("messages").dump());
            using Ending = Conversation::Ending;
            const Conversation conversation = {
                .messages = row.at("messages"),
                .tools = row.at("tools"),
                .ending = row.at("add_generation_prompt").get<bool>() ? Ending::kForAnswer : Ending::kAsItIs};
            if (format.text(conversation).find("Today Date") == std::string::npos)   // Llama's prints today
                CHECK(format.ids(conversation) == row.at("ids").get<std::vector<int32_t>>());
            ++compared;
        }
    }
    if (test_data("tokenizers")) CHECK(compared > 0);
}

TEST_CASE("the template is chat_template.jinja, else tokenizer_config.json's, by name where there are several") {
    CHECK(ChatFolder("{{ messages[0].content }}!").text(hello()) == "hi!");
    const Json named = {{{"name", "default"}, {"template", "d{{ tools is none }}"}},
                        {{"name", "tool_use"}, {"template", "t{{ tools|length }}"}}};
    CHECK(ChatFolder(named).text(hello()) == "dTrue");
    CHECK(ChatFolder(named).text(hello({1, 2})) == "t2");
    ChatFolder both(named);
    both.write("chat_template.jinja", "file");
    CHECK(both.text(hello()) == "file");
    CHECK(both.text(hello({1})) == "file");
    CHECK(ChatFolder(Json{{{"name", "default"}, {"template", "d"}}}).text(hello({1})) == "d");
}

TEST_CASE("special tokens have their names; one that is null prints as nothing") {
    CHECK(ChatFolder("{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ add_generation_prompt }}").text(hello()) ==
          "<s>|</s>||True");
}

TEST_CASE("a model without a chat template is refused with a way out") {
    const Refusal refusal = refusal_of([] { ChatFolder().text(hello()); });
    CHECK(refusal.kind == "MISSING");
    CHECK(refusal.names("no chat template"));
    CHECK(refusal.names("without --chat"));
    CHECK(refusal_of([] { ChatFolder(7).text(hello()); }).kind == "SCHEMA");
    CHECK(refusal_of([] { ChatFolder("{% if %}").text(hello()); }).kind == "TEMPLATE");
    CHECK(refusal_of([] { ChatFolder(Json{{{"name", "rag"}, {"template", "r"}}}).text(hello()); }).kind == "MISSING");
}

TEST_CASE("what a model thought is known by each of its names") {
    const ChatFolder folder("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}");
    const auto text = [&](const OrderedJson& message) {
        return folder.text({.messages = OrderedJson::array({message})});
    };
    CHECK(text({{"role", "assistant"}, {"reasoning", "r"}}) == "rr");
    CHECK(text({{"role", "assistant"}, {"thinking", "t"}}) == "tt");
    CHECK(text({{"role", "assistant"}, {"thinking", "t"}, {"reasoning_content", "c"}}) == "ct");
    CHECK(text({{"role", "assistant"}}).empty());
}

TEST_CASE("the token behind an answer is found in the template") {
    const auto end = [](const char* source) {
        const ChatFolder folder(source);
        const FolderModel model(folder.path());
        const Tokenizer tokenizer = Tokenizer::load(model);
        return ChatFormat(model, tokenizer).end_of_turn();
    };
    CHECK(end("{% for m in messages %}{{ m.content }}</s>{% endfor %}") == 2);
    CHECK(end("{% for m in messages %}{{ m.content }} </s>\n{% endfor %}") == 2);
    CHECK(end("{% for m in messages %}{{ m.content }}ab{% endfor %}") == std::nullopt);
    CHECK(end("{% for m in messages %}{{ m.content }}{% endfor %}") == std::nullopt);
    CHECK(end("{{ raise_exception('no') }}") == std::nullopt);
}
