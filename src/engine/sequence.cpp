#include "engine/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace jamsu::engine {
namespace {

Status check(const SamplingParams& s) {
  const auto bad = [](const char* name, double value, const char* expected) {
    return Error{fmt::format("sampling: {} = {} is not {}", name, value, expected)};
  };
  if (!(s.temperature >= 0) || std::isinf(s.temperature)) return bad("temperature", s.temperature, "0 or more");
  if (s.top_k < 0) return bad("top_k", static_cast<double>(s.top_k), "0 or more");
  if (!(s.top_p > 0 && s.top_p <= 1)) return bad("top_p", s.top_p, "in (0, 1]");
  if (!(s.min_p >= 0 && s.min_p <= 1)) return bad("min_p", s.min_p, "in [0, 1]");
  if (!(s.repetition_penalty > 0)) return bad("repetition_penalty", s.repetition_penalty, "above 0");
  if (!std::isfinite(s.presence_penalty)) return bad("presence_penalty", s.presence_penalty, "finite");
  if (!std::isfinite(s.frequency_penalty)) return bad("frequency_penalty", s.frequency_penalty, "finite");
  return {};
}

}  // namespace

Status check(Request& request, int64_t context, int64_t vocab) {
  const auto prompt = static_cast<int64_t>(request.tokens.size());
  if (prompt == 0) return Error{"prompt: no tokens"};
  if (prompt >= context)
    return Error{fmt::format("prompt: {} tokens leave no room in the context of {}", prompt, context)};
  if (request.max_tokens < 1) return Error{fmt::format("max_tokens = {} is not 1 or more", request.max_tokens)};
  if (request.samples < 1) return Error{fmt::format("samples = {} is not 1 or more", request.samples)};
  for (const int32_t t : request.tokens)
    if (t < 0 || t >= vocab) return Error{fmt::format("prompt: token {} is outside the vocabulary of {}", t, vocab)};
  if (auto s = check(request.sampling); !s) return s;
  request.max_tokens = std::min(request.max_tokens, context - prompt);
  return {};
}

std::vector<std::unique_ptr<Sequence>> make_samples(Request request, const std::shared_ptr<DeliveryLine>& line) {
  const auto shared = std::make_shared<const Request>(std::move(request));
  std::vector<std::unique_ptr<Sequence>> samples;
  for (int64_t i = 0; i < shared->samples; ++i) {
    auto s = std::make_unique<Sequence>();
    s->request = shared;
    s->sample = static_cast<uint32_t>(i);
    s->line = line;
    s->finished.sample = s->sample;
    s->finished.prompt_tokens = s->prompt();
    samples.push_back(std::move(s));
  }
  return samples;
}

}  // namespace jamsu::engine
