#include "engine/log/log.h"

#include <cstdio>
#include <mutex>
#include <set>
#include <string>

#include "engine/io/quote.h"

namespace llmft::log {
namespace {

std::mutex mutex;
bool holding = true;
std::string held;
std::set<std::string> said;

std::string one_line(Level level, std::string_view text) {
    return (level == Level::kNote ? "llmft: note: " : "llmft: warning: ") + on_one_line(text) + '\n';
}

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

}   // namespace

void write(Level level, std::string_view text) {
    const std::string line = one_line(level, text);
    const std::lock_guard lock(mutex);
    if (!said.insert(line).second) return;
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
    said.clear();
}

void hold() {
    const std::lock_guard lock(mutex);
    holding = true;
    said.clear();
}

}   // namespace llmft::log
