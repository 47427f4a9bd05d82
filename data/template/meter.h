// What one rendering may take. A template comes from outside: it may loop, recurse, and build large texts, and gives an
// error where it would take too much.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace llmft::jinja {

// Why a template cannot be rendered, in Jinja's words; Template adds where.
class Fault : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
[[noreturn]] inline void fail(const std::string& why) {
    throw Fault(why);
}

constexpr int64_t kMostSteps = 10'000'000;           // about a second
constexpr int64_t kLongestText = int64_t{1} << 25;   // bytes, of any one string and of the output
constexpr int64_t kLargestRange = 100'000;           // Jinja2's sandbox
constexpr int kDeepestValue = 200;                   // lists in lists
constexpr int kDeepestSyntax = 150;        // expressions in expressions, tags in tags: as far as Python compiles
constexpr int kDeepestEvaluation = 1000;   // those, and macros in one another

class Meter {
public:
    // Everything that runs counts, and every item and 32 bytes that are made: memory is bounded, too.
    void take(int64_t steps) {
        steps_ -= steps;
        if (steps_ < 0) fail("the template takes too many steps");
    }
    // Before `more` bytes are added to a text of `size`.
    void grow(size_t size, size_t more) {
        if (more > static_cast<size_t>(kLongestText) || size + more > static_cast<size_t>(kLongestText))
            fail("the template makes a text that is too long");
        take(1 + static_cast<int64_t>(more / 32));
    }
    void append(std::string& text, std::string_view more) {
        grow(text.size(), more.size());
        text.append(more);
    }

private:
    int64_t steps_ = kMostSteps;
};

// Refuses what is nested too deeply for the machine's stack.
class Nesting {
public:
    Nesting(int& depth, int most) : depth_(depth) {
        if (++depth_ > most) {
            --depth_;
            fail("nested too deeply");
        }
    }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

private:
    int& depth_;
};

}   // namespace llmft::jinja
