#pragma once
// Which process this is, so that another can tell later whether it still runs:
// process ids come back, these together do not.
#include <cstdint>
#include <string>

namespace jamsu::ledger {

struct Process {
  int64_t pid = 0;
  int64_t start_ticks = 0;  // of /proc/PID/stat: since the boot
  std::string boot_id;      // of this boot
  std::string space;        // the pid namespace: a container's process 7 is not ours
};

Process this_process();
// False where it is certain that the process is gone;
// true where nothing can be asked (no /proc, another container's process).
bool may_run(const Process& process);

}  // namespace jamsu::ledger
