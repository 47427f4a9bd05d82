// The project's exceptions. The class says whose fault it is and fixes the exit code; the text says where, what,
// got, wanted, and what to do. tools/main prints exactly one line from it: `llmft: error E-KIND: FILE: FIELD: what;
// remedy`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace llmft {

enum class ExitCode : int {
    kDone = 0,
    kBadInput = 2,
    kOutOfResources = 3,
    kNumericalStop = 4,
    kRankOrNetwork = 5,
    kDevice = 6,
    kInternalBug = 70,
    kStopped = 75,
};

class Error : public std::runtime_error {
public:
    Error(ExitCode code, std::string kind, const std::string& text)
        : std::runtime_error(text), code_(code), kind_(std::move(kind)) {}
    ExitCode code() const { return code_; }
    const std::string& kind() const { return kind_; }   // "LAYOUT" in "E-LAYOUT"

private:
    ExitCode code_;
    std::string kind_;
};

// Bad input or usage. `where` is a file or a flag, `field` the place in it (may be empty), `what` is what is wrong, and
// `remedy` what to do. Kinds are those of the bad-input set: TRUNC LIMIT SYNTAX ENCODING SCHEMA RANGE OVERFLOW LAYOUT
// SHAPE DTYPE MISSING EXTRA DUP PATH UNSAFE HASH VERSION TEMPLATE BUDGET DATA STATE VALUE, and USAGE.
class UserError : public Error {
public:
    UserError(std::string kind, std::string_view where, std::string_view field, std::string_view what,
              std::string_view remedy)
        : Error(ExitCode::kBadInput, std::move(kind), join(where, field, what, remedy)) {}

private:
    static std::string join(std::string_view where, std::string_view field, std::string_view what,
                            std::string_view remedy) {
        std::string text(where);
        for (const std::string_view part : {field, what})
            if (!part.empty()) text.append(text.empty() ? "" : ": ").append(part);
        if (!remedy.empty()) text.append("; ").append(remedy);
        return text;
    }
};

class OutOfMemory : public Error {
public:
    explicit OutOfMemory(const std::string& text) : Error(ExitCode::kOutOfResources, "MEMORY", text) {}
};

class DiskFull : public Error {
public:
    explicit DiskFull(const std::string& text) : Error(ExitCode::kOutOfResources, "DISK", text) {}
};

class NumericalError : public Error {
public:
    explicit NumericalError(const std::string& text) : Error(ExitCode::kNumericalStop, "NUMBER", text) {}
};

class DeviceError : public Error {
public:
    explicit DeviceError(const std::string& text) : Error(ExitCode::kDevice, "DEVICE", text) {}
};

// A bug of llmft: please report. Thrown by shape checks and impossible branches, never for what came from outside.
class InternalError : public Error {
public:
    explicit InternalError(const std::string& text) : Error(ExitCode::kInternalBug, "BUG", text) {}
};

}   // namespace llmft
