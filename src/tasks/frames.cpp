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

// FNV-1a of the prompts of both files; tests/tasks compares them with the files.
constexpr auto kReserved = std::to_array<uint64_t>(
    {0x761ee6f46e35404aull, 0x5a01ba77fa0e0694ull, 0xe94a0e9288d8e742ull, 0xb5293096ed7494f0ull,
     0xd2dec7833f4baf59ull, 0xd1bbb088afbf0c66ull, 0x55aa90ba1602e5eaull, 0x54d88a17a2e1897cull,
     0x5e6189a35de2e553ull, 0x0735cb98dae1b715ull, 0x3ecabe75dbaed7dcull, 0xd726dccb8aedcc85ull,
     0x98a276a2932d1abcull, 0x2f355b7db38d42caull, 0x4e8516da1d25da54ull, 0xb5d59f5eb24a6bf9ull,
     0x2a6d1ac5c5af203eull, 0x7195a26be397246eull, 0xe5f061ddfcd6ce99ull, 0x64d4b4b55a3a4945ull,
     0x382240bdf20393fcull, 0x35c0f81db0a2cf3aull, 0x46a79a3e9783ad7cull, 0xd3c3725d955776bcull,
     0x957d0343593c3c7eull, 0xeae2e71d847a1ae1ull, 0xe075572a54b60645ull, 0xde2f764e01f84cbdull,
     0xdb15c51e286cde98ull, 0xd52ffe6bd5b267daull, 0x08d672ca7f90e8e0ull, 0x377027a3dfcfdf3bull,
     0x7d63ea13b0637d86ull, 0x332635d618bc3cf5ull, 0x9327439f51e3a841ull, 0x64e1c38b15213b5cull,
     0x4412b4790fd6e576ull, 0xd8c5fbfa50110726ull, 0x3eb68a9b561f5a63ull, 0x569106d661daa136ull,
     0x1c4000b3eefda3c1ull, 0xf4ff741110edcf81ull, 0xb4190edbb5b7d772ull, 0x00bbb84c151fd3b4ull,
     0xc20248183d5d2f88ull, 0x1219abbf7dfdb53aull, 0x45a69938edb0bcfcull, 0x45a30cefc652772aull,
     0x4428563176a26025ull, 0xb85c9021a6381112ull, 0x0070618539025757ull, 0x08ed5907b58a1341ull,
     0x76e0f4ebf0612047ull, 0x713a667997da8959ull, 0x91b475454f097e02ull, 0x688f32b7561148d3ull,
     0x4168288065d2770eull, 0xbedca2e23012bc4dull, 0xd8239a49c70c8854ull, 0x22ccf8dadb74ea59ull,
     0x1ef34d207a0c8dcbull, 0xa1f56d89d450cd81ull, 0x51c562a3ffb78f3bull, 0xfe61bbe30d05d393ull,
     0xd207688b3de15489ull, 0x50b8168bc2e2a4d0ull, 0x7aa8374a3408d89eull, 0x04bf1868c0792844ull,
     0xba9f9fb8c9e3486cull, 0xf3307bfd174f01b7ull, 0x9af72b7296aad75full, 0x1250958337a4d313ull,
     0xd28dae73d730621dull, 0x8ae593f719c9e60dull, 0x3f94b5100ad0240aull, 0xbde419a61e4a8ef7ull,
     0x3eebe53ccb15120eull, 0xa734095f0df0125full, 0x4f4833f8b36b4b96ull, 0xfbf46ff3d8b4f942ull});

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
