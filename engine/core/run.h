// What every op and module is handed: where it runs, on which stream, from which memory, and what randomness is keyed
// by.
#pragma once

#include "engine/core/arena.h"
#include "engine/core/device.h"
#include "engine/core/profile.h"
#include "engine/core/rng.h"

namespace llmft {

struct Run {
    Device& device;
    Stream stream;
    Arena& arena;
    const Rng& rng;
    Profile& profile;
};

}   // namespace llmft
