#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "base/math.h"
#include "base/rng.h"

namespace jamsu::engine {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

void apply_penalties(std::vector<float>& x, const SamplingParams& s, std::span<const int32_t> prompt,
                     std::span<const int32_t> output) {
  const auto valid = [&](int32_t id) { return id >= 0 && static_cast<size_t>(id) < x.size(); };
  for (const auto& [id, bias] : s.logit_bias)
    if (valid(id)) x[static_cast<size_t>(id)] += static_cast<float>(bias);
  if (s.repetition_penalty != 1.0) {
    std::unordered_set<int32_t> seen(prompt.begin(), prompt.end());
    seen.insert(output.begin(), output.end());
    const auto penalty = static_cast<float>(s.repetition_penalty);
    for (const int32_t id : seen)
      if (valid(id)) {
        float& v = x[static_cast<size_t>(id)];
        v = v >= 0.0f ? v / penalty : v * penalty;
      }
  }
  if (s.presence_penalty != 0.0 || s.frequency_penalty != 0.0) {
    std::unordered_map<int32_t, int64_t> counts;
    for (const int32_t id : output) ++counts[id];
    for (const auto& [id, count] : counts)
      if (valid(id))
        x[static_cast<size_t>(id)] -=
            static_cast<float>(static_cast<double>(count) * s.frequency_penalty + s.presence_penalty);
  }
  if (!s.allowed_ids.empty()) {
    std::vector<float> kept(x.size(), kNone);
    for (const int32_t id : s.allowed_ids)
      if (valid(id)) kept[static_cast<size_t>(id)] = x[static_cast<size_t>(id)];
    x = std::move(kept);
  }
}

bool has_processors(const SamplingParams& s) {
  return !s.logit_bias.empty() || s.repetition_penalty != 1.0 || s.presence_penalty != 0.0 ||
         s.frequency_penalty != 0.0 || !s.allowed_ids.empty();
}

// The first of the greatest; none where a value is NaN or all are -inf. Lanes, so that it runs in vectors.
std::optional<int32_t> first_greatest(std::span<const float> x) {
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> most;
  most.fill(kNone);
  std::array<uint32_t, kLanes> nan{};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    for (size_t j = 0; j < kLanes; ++j) {
      const float v = x[i + j];
      most[j] = v > most[j] ? v : most[j];
      nan[j] |= v != v ? 1u : 0u;
    }
  float greatest = kNone;
  uint32_t any_nan = 0;
  for (size_t j = 0; j < kLanes; ++j) {
    greatest = most[j] > greatest ? most[j] : greatest;
    any_nan |= nan[j];
  }
  for (; i < x.size(); ++i) {
    greatest = x[i] > greatest ? x[i] : greatest;
    any_nan |= x[i] != x[i] ? 1u : 0u;
  }
  if (any_nan != 0 || greatest == kNone) return std::nullopt;
  return static_cast<int32_t>(std::find(x.begin(), x.end(), greatest) - x.begin());
}

// Sorts ids by (x descending, id ascending). A stable radix sort over order-preserving keys: the vocabulary is
// thousands of values and every token sampled sorts it.
void sort_by_logit(std::vector<int32_t>& ids, const std::vector<float>& x) {
  struct Item {
    uint32_t key;
    int32_t id;
  };
  constexpr int kBits = 11, kBuckets = 1 << kBits;
  std::vector<Item> from(ids.size()), to(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t u = std::bit_cast<uint32_t>(x[static_cast<size_t>(ids[i])] + 0.0f);  // -0 becomes +0: they are equal
    from[i] = {~(u & 0x80000000u ? ~u : u | 0x80000000u), ids[i]};
  }
  for (int shift = 0; shift < 32; shift += kBits) {
    std::array<uint32_t, kBuckets + 1> starts{};
    for (const Item& item : from) ++starts[((item.key >> shift) & (kBuckets - 1)) + 1];
    for (size_t b = 1; b < starts.size(); ++b) starts[b] += starts[b - 1];
    for (const Item& item : from) to[starts[(item.key >> shift) & (kBuckets - 1)]++] = item;
    from.swap(to);
  }
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = from[i].id;
}

void keep_first(Distribution& d, size_t count) {
  d.ids.resize(count);
  d.p.resize(count);
}

double total_of(const Distribution& d) {
  double total = 0;
  for (const float p : d.p) total += static_cast<double>(p);
  return total;
}

}  // namespace

std::optional<Distribution> distribution(std::span<const float> logits, const SamplingParams& s,
                                         std::span<const int32_t> prompt, std::span<const int32_t> output,
                                         const TokenMask* allowed) {
  if (s.temperature == 0.0 && !allowed && !has_processors(s)) {
    const auto best = first_greatest(logits);
    if (!best) return std::nullopt;
    return Distribution{{*best}, {1.0f}, 1.0};
  }
  std::vector<float> x(logits.begin(), logits.end());
  for (const float v : x)
    if (std::isnan(v)) return std::nullopt;
  apply_penalties(x, s, prompt, output);
  if (allowed)
    for (size_t i = 0; i < x.size(); ++i)
      if (!allowed->allows(static_cast<int32_t>(i))) x[i] = kNone;

  Distribution d;
  if (s.temperature == 0.0) {
    const auto best = std::max_element(x.begin(), x.end());  // the first among equals
    if (best == x.end() || *best == kNone) return std::nullopt;
    d = {{static_cast<int32_t>(best - x.begin())}, {1.0f}, 1.0};
    return d;
  }
  const auto temperature = static_cast<float>(s.temperature);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = x[i] / temperature;
    if (x[i] != kNone) d.ids.push_back(static_cast<int32_t>(i));
  }
  if (d.ids.empty()) return std::nullopt;
  if (s.top_k > 0 && static_cast<size_t>(s.top_k) < d.ids.size()) {  // ties with the k-th stay
    std::vector<float> values;
    for (const int32_t id : d.ids) values.push_back(x[static_cast<size_t>(id)]);
    std::nth_element(values.begin(), values.begin() + (s.top_k - 1), values.end(), std::greater<>());
    const float last = values[static_cast<size_t>(s.top_k - 1)];
    std::erase_if(d.ids, [&](int32_t id) { return x[static_cast<size_t>(id)] < last; });
  }
  sort_by_logit(d.ids, x);
  const float max = x[static_cast<size_t>(d.ids.front())];
  d.p.resize(d.ids.size());
  for (size_t i = 0; i < d.ids.size(); ++i) d.p[i] = x[static_cast<size_t>(d.ids[i])];
  if (max == std::numeric_limits<float>::infinity())
    for (float& p : d.p) p = p == max ? 1.0f : 0.0f;
  else
    for (float& p : d.p) p = math::exp(p - max);
  d.total = total_of(d);
  if (s.top_p < 1.0) {
    double sum = 0;
    size_t count = 0;
    while (count < d.p.size() && (count == 0 || sum < s.top_p * d.total)) sum += static_cast<double>(d.p[count++]);
    keep_first(d, count);
    d.total = total_of(d);
  }
  if (s.min_p > 0.0) {
    const double threshold = s.min_p * static_cast<double>(d.p.front());
    size_t count = 1;
    while (count < d.p.size() && static_cast<double>(d.p[count]) >= threshold) ++count;
    keep_first(d, count);
    d.total = total_of(d);
  }
  return d;
}

int32_t draw(const Distribution& d, uint64_t seed, uint64_t position, uint32_t sample) {
  const auto words = philox4x32(seed, position, sample, Purpose::sampler);
  const double u = static_cast<double>(((static_cast<uint64_t>(words[0]) << 32) | words[1]) >> 11) * 0x1p-53;
  double sum = 0;
  for (size_t i = 0; i < d.ids.size(); ++i) {
    sum += static_cast<double>(d.p[i]);
    if (sum > u * d.total) return d.ids[i];
  }
  return d.ids.back();
}

}  // namespace jamsu::engine
