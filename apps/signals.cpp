#include "apps/signals.h"

#include <time.h>

#include <csignal>
#include <initializer_list>

namespace jamsu::apps {
namespace {

// One press may come twice (a wrapper passes on what the terminal has sent to all; `timeout` sends to the process and
// to its group): so soon it is the same.
constexpr double kSamePressSeconds = 0.5;

volatile std::sig_atomic_t ctrl_c_noted = 0, end_noted = 0, ctrl_c_again = 0;
volatile double first_noted = 0;  // seconds; written by the handler alone

double seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void note(int signal) {
  if (signal == SIGINT && ctrl_c_again != 0) {
    ctrl_c_noted = signal;
    return;
  }
  if (ctrl_c_noted == 0 && end_noted == 0) {
    first_noted = seconds();
  } else if (seconds() - first_noted > kSamePressSeconds) {  // it was asked to end, and has not
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  (signal == SIGINT ? ctrl_c_noted : end_noted) = signal;
}

}  // namespace

void note_signals(CtrlC ctrl_c) {
  ctrl_c_again = ctrl_c == CtrlC::again;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {
    }, action{};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    action.sa_handler = note;  // without SA_RESTART: a line being typed ends
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
