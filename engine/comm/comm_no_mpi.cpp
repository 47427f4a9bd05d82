// Stand-in for comm_mpi.cpp in a build without MPI.
#include "engine/comm/comm.h"

namespace llmft {

std::unique_ptr<Comm> make_mpi_comm() {
    throw UserError("USAGE", "mpirun", "", "this llmft was built without MPI",
                    "configure with -DLLMFT_MPI=ON, or start one process");
}

}   // namespace llmft
