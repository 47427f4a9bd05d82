// What a process has to do early so that running out of memory is an exit code and a line, and not a signal.
#pragma once

namespace llmft {

// For the whole process, at its start. Claims the stack that the kernels use, since a stack that cannot grow is a
// SIGSEGV. Makes a std::bad_alloc that meets a `noexcept` (nlohmann::json's destructor allocates) end the process like
// any other one: the MEMORY line and exit 3. Exits so where there is no room for the stack.
void prepare_for_little_memory();

// The MEMORY line on stderr, made without memory, in place of what engine/log holds; the exit code.
int fail_for_memory() noexcept;

}   // namespace llmft
