// Instruction sets of the CPU dialect. Every <op>_cpu.cpp is compiled once for each of them, inside namespace
// cpu::LLMFT_ISA; kernels/isa_cpu.cpp picks one at start and forwards. Code in there must not instantiate inline
// functions of the standard library: the linker could keep the copy that an old processor cannot run.
#pragma once

namespace llmft {

enum class Isa { kBaseline, kV2, kV3, kV4 };   // baseline: not x86-64 (aarch64); v2, v3, v4: the x86-64 psABI levels

// The best one that this processor runs and this build has. Chosen at the first call.
Isa isa();
const char* name(Isa);
// For tests and bench: choose another one, which the processor must have. False where it does not.
bool set_isa(Isa);

}   // namespace llmft
