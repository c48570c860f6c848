#include "apps/signals.h"

#include <csignal>
#include <initializer_list>

namespace jamsu::apps {
namespace {

volatile std::sig_atomic_t ctrl_c_noted = 0, end_noted = 0;

void note(int signal) {
  (signal == SIGINT ? ctrl_c_noted : end_noted) = signal;
}

}  // namespace

void note_signals(CtrlC ctrl_c) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {
    }, action{};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    action.sa_handler = note;  // without SA_RESTART: a line being typed ends
    action.sa_flags = signal == SIGINT && ctrl_c == CtrlC::again ? 0 : static_cast<int>(SA_RESETHAND);
    sigaction(signal, &action, nullptr);
  }
}

int noted_signal() {
  return end_noted != 0 ? end_noted : ctrl_c_noted;
}

void forget_ctrl_c() {
  ctrl_c_noted = 0;
}

}  // namespace jamsu::apps
