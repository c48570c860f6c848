#include "tasks/frames.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "tasks/korean.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

const std::string& slot_value(const Slots& slots, std::string_view name) {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](const auto& slot) { return slot.first == name; });
  JAMSU_CHECK(found != slots.end());
  return found->second;
}

constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

// FNV-1a of the twenty prompts; tests/tasks compares them with the file.
constexpr std::array<uint64_t, 20> kReserved = {
    0x761ee6f46e35404aull, 0x5a01ba77fa0e0694ull, 0xe94a0e9288d8e742ull, 0xb5293096ed7494f0ull, 0xd2dec7833f4baf59ull,
    0xd1bbb088afbf0c66ull, 0x55aa90ba1602e5eaull, 0x54d88a17a2e1897cull, 0x5e6189a35de2e553ull, 0x0735cb98dae1b715ull,
    0x3ecabe75dbaed7dcull, 0xd726dccb8aedcc85ull, 0x98a276a2932d1abcull, 0x2f355b7db38d42caull, 0x4e8516da1d25da54ull,
    0xb5d59f5eb24a6bf9ull, 0x2a6d1ac5c5af203eull, 0x7195a26be397246eull, 0xe5f061ddfcd6ce99ull, 0x64d4b4b55a3a4945ull};

}  // namespace

std::string fill(std::string_view frame, const Slots& slots) {
  std::string out;
  while (!frame.empty()) {
    const size_t open = frame.find('{');
    out += frame.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = frame.find('}', open);
    JAMSU_CHECK(close != std::string_view::npos);
    const std::string_view slot = frame.substr(open + 1, close - open - 1);
    const size_t colon = slot.find(':');
    const bool particle_only = slot.starts_with('~');
    const std::string& value = slot_value(slots, slot.substr(particle_only ? 1 : 0, colon - (particle_only ? 1 : 0)));
    if (!particle_only) out += value;
    if (colon != std::string_view::npos) out += particle(value, slot.substr(colon + 1));
    frame.remove_prefix(close + 1);
  }
  return out;
}

std::vector<std::string_view> frames_of(std::span<const std::string_view> frames, Split split) {
  std::string_view least;
  if (std::none_of(frames.begin(), frames.end(), held_out)) {
    least = *std::min_element(frames.begin(), frames.end(),
                              [](std::string_view a, std::string_view b) { return fnv1a(a) < fnv1a(b); });
  }
  std::vector<std::string_view> out;
  for (std::string_view frame : frames) {
    const bool held = least.empty() ? held_out(frame) : frame == least;
    if (held == (split == Split::unseen)) out.push_back(frame);
  }
  return out;
}

std::string_view pick_frame(std::span<const std::string_view> frames, Split split, RandomStream& random) {
  return random.pick(frames_of(frames, split));
}

RandomStream sample_stream(uint64_t index, const GeneratorOptions& options, int salt) {
  const uint64_t number = static_cast<uint64_t>(salt) * 2 + (options.split == Split::unseen ? 1 : 0);
  return RandomStream(options.seed ^ (number * 0x9E3779B97F4A7C15ull), index, Purpose::task);
}

bool reserved_prompt(std::string_view prompt) {
  return std::find(kReserved.begin(), kReserved.end(), fnv1a(prompt)) != kReserved.end();
}

}  // namespace jamsu::tasks
