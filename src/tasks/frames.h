#pragma once
// Sentence frames with slots: `{name}` is replaced by its value, `{name:은/는}` by its value and the particle that
// fits, `{~name:은/는}` by that particle alone.
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

using Slots = std::vector<std::pair<std::string_view, std::string>>;

// REQUIRES: every slot of the frame has a value.
std::string fill(std::string_view frame, const Slots& slots);

// Whether `split` may use a frame of the list: held_out (split.h) decides; when it holds out none of a short list, its
// frame with the smallest hash is held out. REQUIRES: at least two frames.
std::vector<std::string_view> frames_of(std::span<const std::string_view> frames, Split split);
// One of them.
std::string_view pick_frame(std::span<const std::string_view> frames, Split split, RandomStream& random);

// The stream of one sample: kinds and splits never share words.
RandomStream sample_stream(uint64_t index, const GeneratorOptions& options, int salt);

// Prompts kept for trying the trained model by hand (tests/regress/prompts/first20.jsonl, first_messages.jsonl), by
// hash: no generator emits them.
bool reserved_prompt(std::string_view prompt);

}  // namespace jamsu::tasks
