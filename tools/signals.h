// Requests to stop: SIGINT, SIGTERM, SIGHUP, and SIGUSR1 and SIGUSR2, which schedulers send as early notice. The loop
// asks between steps, saves and leaves with exit 75.
#pragma once

namespace llmft {

// From here on those signals only set a flag; a signal that was ignored at the start (nohup) stays ignored. A second
// one ends the process at once, by that signal: a shell sees 128 + its number. But a terminal that closes sends SIGHUP
// twice, itself and by its shell: within a second of the first, SIGHUP is no second one. Interrupted calls go on. A
// reader of stdout or stderr that is gone (`| tee`, which the same Ctrl-C ends) does not end the process: SIGPIPE is
// ignored. To be called by the main thread, before it computes: the handler gets a stack of its own there, and the
// pool's threads take no signals.
void install_stop_signals();

// Any thread.
bool stop_requested();
// The first one that came, or 0.
int stop_signal();

}   // namespace llmft
