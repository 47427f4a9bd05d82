// What a process sets up before anything else.
#pragma once

namespace llmft {

// Standard streams that are closed (daemons, cron) are opened on /dev/null, so that no file of a run gets their numbers
// and with them what is printed. A file beyond the size limit of its process (ulimit -f) is an error of the write, not
// the signal SIGXFSZ. And prepare_for_little_memory().
void prepare_process();

}   // namespace llmft
