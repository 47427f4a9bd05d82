// Notes and warnings on stderr, one line each. They are held until release(): a command that fails before its real work
// starts then leaves nothing on stderr but its error line. After release() lines go out at once. A line that was written
// is not written again. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace llmft::log {

enum class Level : uint8_t { kNote, kWarning };

// "llmft: note: TEXT" or "llmft: warning: TEXT"; control characters in TEXT are escaped.
void write(Level level, std::string_view text);
inline void note(std::string_view text) {
    write(Level::kNote, text);
}
inline void warn(std::string_view text) {
    write(Level::kWarning, text);
}

// Checks are over, work begins: prints what is held and holds no more.
void release();
// Forgets what is held.
void drop();
// Back to holding, as at the program's start.
void hold();

}   // namespace llmft::log
