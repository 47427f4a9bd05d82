#include "engine/log/log.h"

#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <string>

namespace llmft::log {
namespace {

std::mutex mutex;
bool holding = true;
std::string held;

std::string one_line(Level level, std::string_view text) {
    std::string line = level == Level::kNote ? "llmft: note: " : "llmft: warning: ";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            line += fmt::format("\\x{:02x}", byte);
        else
            line += c;
    }
    return line + '\n';
}

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

}   // namespace

void write(Level level, std::string_view text) {
    const std::string line = one_line(level, text);
    const std::lock_guard lock(mutex);
    if (holding)
        held += line;
    else
        print(line);
}

void release() {
    const std::lock_guard lock(mutex);
    holding = false;
    print(held);
    held.clear();
}

void drop() {
    const std::lock_guard lock(mutex);
    held.clear();
}

void hold() {
    const std::lock_guard lock(mutex);
    holding = true;
}

}   // namespace llmft::log
