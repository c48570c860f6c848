#include "base/check.h"
#include "tasks/frames.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

Sample mixed_sample(uint64_t index, const Mix& mix, const GeneratorOptions& options) {
  JAMSU_CHECK(mix.arithmetic >= 0 && mix.word_korean >= 0 && mix.word_english >= 0 && mix.misc >= 0 && mix.talk >= 0 &&
              mix.follow >= 0 && mix.repeat >= 0);
  JAMSU_CHECK(mix.arithmetic + mix.word_korean + mix.word_english + mix.misc + mix.talk + mix.follow + mix.repeat ==
              100);
  RandomStream random = sample_stream(index, options, 0);
  int draw = static_cast<int>(random.below(100));
  if ((draw -= mix.arithmetic) < 0) return arithmetic_sample(index, options);
  if ((draw -= mix.word_korean) < 0) return word_sample(index, Language::korean, options);
  if ((draw -= mix.word_english) < 0) return word_sample(index, Language::english, options);
  if ((draw -= mix.misc) < 0) return misc_sample(index, options);
  if ((draw -= mix.talk) < 0) return talk_sample(index, options);
  if ((draw -= mix.follow) < 0) return follow_sample(index, options);
  return repeat_sample(index, options);
}

}  // namespace jamsu::tasks
