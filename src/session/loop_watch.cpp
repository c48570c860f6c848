#include "session/loop_watch.h"

#include <algorithm>

namespace jamsu::session {

bool LoopWatch::push(int32_t token) {
  bool loop = false;
  for (int64_t period = 1; period <= std::min(count_, kLongest); ++period) {
    int64_t& same = same_[static_cast<size_t>(period - 1)];
    same = last_[static_cast<size_t>((count_ - period) % kLongest)] == token ? same + 1 : 0;
    loop |= same + period >= std::max(kTimes * period, kTokens);  // the block itself is the first time
  }
  last_[static_cast<size_t>(count_ % kLongest)] = token;
  ++count_;
  return loop;
}

}  // namespace jamsu::session
