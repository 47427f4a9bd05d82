// Collectives over ranks, in elements, never bytes. One rank is the identity; MPI and NCCL sit behind the same face.
#pragma once

#include <memory>

#include "engine/core/run.h"

namespace llmft {

class Comm {
public:
    virtual ~Comm() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    // In place, summed in rank order: the same bits on every rank and in every run.
    virtual void all_reduce_sum(const Tensor&, Run&) = 0;
};

std::unique_ptr<Comm> make_single_comm();
// The world that mpirun started. Throws UserError in a build without MPI.
std::unique_ptr<Comm> make_mpi_comm();

}   // namespace llmft
