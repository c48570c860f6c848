#pragma once
// Signals that ask the program to end, noted for loops that look.

namespace jamsu::apps {

// What Ctrl-C means: `ends`: what is running is brought to its end; `again`: each stops what is running, and the
// program goes on.
enum class CtrlC { ends, again };

// From here on SIGINT, SIGTERM and SIGHUP are noted; another one half a second later ends the program at once. What the
// program was started to ignore (nohup) stays ignored.
void note_signals(CtrlC ctrl_c);
// The one that came; 0: none.
int noted_signal();
// Ctrl-C is forgotten: the next may come.
void forget_ctrl_c();
// The exit code of a program that such a signal has ended.
inline int code_of(int signal) {
  return 128 + signal;
}

}  // namespace jamsu::apps
