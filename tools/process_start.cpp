#include "tools/process_start.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "tools/little_memory.h"

namespace llmft {

void prepare_process() {
    // open() takes the lowest number that is free.
    for (int stream = open("/dev/null", O_RDWR); stream >= 0; stream = open("/dev/null", O_RDWR))
        if (stream > STDERR_FILENO) {
            close(stream);
            break;
        }
    std::signal(SIGXFSZ, SIG_IGN);
    prepare_for_little_memory();
}

}   // namespace llmft
