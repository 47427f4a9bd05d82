#include <fmt/format.h>

#include <array>

#include "engine/io/model_files.h"
#include "engine/train/run_state.h"
#include "tools/inspect/inspection.h"

namespace llmft {
namespace {

std::string first_bytes(const Path& file, size_t count) {
    int64_t size = 0;
    const Descriptor descriptor = open_regular_file(file, size);
    std::string bytes(std::min(count, static_cast<size_t>(size)), '\0');
    const MappedFile mapped(file);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(mapped.bytes()[i]);
    return bytes;
}

[[noreturn]] void refuse(const Path& path, const char* what) {
    throw UserError("SCHEMA", path.string(), "", what,
                    "give a model or adapter folder, a .safetensors, .gguf or .jinja file, or JSONL rows");
}

Inspection inspect_folder(const Path& folder, const InspectOptions& options) {
    if (is_there(folder / kRunStateName)) return inspect_checkpoint(folder);
    if (is_there(folder / "adapter_config.json")) return inspect_adapter(folder, options);
    if (is_there(folder / "config.json")) return inspect_model(FolderModel(folder));
    if (is_there(folder / "tokenizer.json")) return inspect_tokenizer(FolderModel(folder));
    if (is_there(folder / "adapter_model.safetensors"))
        throw UserError("MISSING", (folder / "adapter_config.json").string(), "", "no such file beside the adapter",
                        "fetch the adapter again");
    if (is_there(folder / "model.safetensors") || is_there(folder / "model.safetensors.index.json"))
        throw UserError("MISSING", (folder / "config.json").string(), "", "no such file beside the weights",
                        "fetch the model again");
    if (is_run(folder)) return inspect_run(folder);
    refuse(folder, "the folder holds no config.json, adapter_config.json or tokenizer.json");
}

bool begins_with_bracket(const std::string& head) {
    const size_t at = head.find_first_not_of(" \t\r\n");
    return at != std::string::npos && (head[at] == '{' || head[at] == '[');
}

}   // namespace

Inspection inspect_path(const InspectOptions& options) {
    const Path path = options.path;
    if (is_directory(path)) return inspect_folder(path, options);
    const std::string head = first_bytes(path, 64);
    const Path name = path.filename(), extension = path.extension();
    const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
    if (name == "config.json" || name == "model.safetensors.index.json") return inspect_model(FolderModel(folder));
    if (name == "adapter_config.json") return inspect_adapter(folder, options);
    if (name == "tokenizer.json") return inspect_tokenizer(FolderModel(folder));
    for (const char* weights : {".safetensors", ".bin", ".pt", ".pth"})   // pickles are refused there, by name
        if (extension == weights) return inspect_safetensors(path, options);
    if (head.starts_with("GGUF") || extension == ".gguf") return inspect_gguf(path, options);
    if (extension == ".jinja") return inspect_template_file(path);
    if (extension == ".jsonl" || begins_with_bracket(head)) return inspect_rows(path);
    constexpr size_t kHeaderAt = 8;   // behind the length of a safetensors header
    if (head.size() > kHeaderAt && head[kHeaderAt] == '{') return inspect_safetensors(path, options);
    refuse(path, "it is nothing that llmft knows");
}

}   // namespace llmft
