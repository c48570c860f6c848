// golden/text/sampler*: probabilities after all sampler steps, as transformers' processors compute them in float64.
#include "engine/sampler.h"

#include <fmt/format.h>

#include "parity/golden.h"

namespace jamsu {
namespace {

engine::SamplingParams params_of(const boost::json::object& p, std::vector<int32_t>& prompt,
                                 std::vector<int32_t>& output) {
  engine::SamplingParams s;
  const auto ids = [](const boost::json::value& v) {
    std::vector<int32_t> list;
    for (const auto& id : v.as_array()) list.push_back(id.to_number<int32_t>());
    return list;
  };
  for (const auto& [key, value] : p) {
    const std::string_view name(key);
    if (name == "temperature")
      s.temperature = value.to_number<double>();
    else if (name == "top_k")
      s.top_k = value.to_number<int64_t>();
    else if (name == "top_p")
      s.top_p = value.to_number<double>();
    else if (name == "min_p")
      s.min_p = value.to_number<double>();
    else if (name == "repetition_penalty")
      s.repetition_penalty = value.to_number<double>();
    else if (name == "presence_penalty")
      s.presence_penalty = value.to_number<double>();
    else if (name == "frequency_penalty")
      s.frequency_penalty = value.to_number<double>();
    else if (name == "allowed_ids")
      s.allowed_ids = ids(value);
    else if (name == "prompt_ids")
      prompt = ids(value);
    else if (name == "output_ids")
      output = ids(value);
    else if (name == "logit_bias")
      for (const auto& [id, bias] : value.as_object())
        s.logit_bias.emplace_back(std::stoi(std::string(id)), bias.to_number<double>());
    else
      ADD_FAILURE() << "unknown parameter " << name;
  }
  return s;
}

TEST(sampler, probabilities) {
  const auto folder = golden::root() / "text";
  const auto info = golden::read_json(folder / "sampler.json").as_object();
  Allocator memory;
  // float64 tensors are read by hand: the program itself has no use for them.
  const std::string bytes = golden::read_text(folder / "sampler.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  const auto header = boost::json::parse(std::string_view(bytes).substr(8, length)).as_object();
  const auto data = [&](const std::string& name) {
    return bytes.data() + 8 + length +
           header.at(name).as_object().at("data_offsets").as_array()[0].to_number<uint64_t>();
  };
  int cases = 0, close = 0;
  double worst = 0;
  for (const auto& value : info.at("cases").as_array()) {
    const auto& c = value.as_object();
    const auto number = c.at("case").to_number<int64_t>(), vocab = c.at("vocab").to_number<int64_t>();
    std::vector<int32_t> prompt, output;
    const engine::SamplingParams params = params_of(c.at("params").as_object(), prompt, output);
    std::vector<float> logits(static_cast<size_t>(vocab));
    std::memcpy(logits.data(), data(fmt::format("logits.{}", c.at("logits").to_number<int64_t>())),
                logits.size() * sizeof(float));
    std::vector<double> want(static_cast<size_t>(vocab)), got(static_cast<size_t>(vocab), 0.0);
    std::memcpy(want.data(), data(fmt::format("probs.{}", number)), want.size() * sizeof(double));
    const auto d = engine::distribution(logits, params, prompt, output);
    ASSERT_TRUE(d.has_value()) << "case " << number;
    const auto& margins = c.at("margins").as_object();
    const auto near = [&](const char* name) {
      return margins.contains(name) && margins.at(name).to_number<double>() < 1e-6;
    };
    const bool may_differ = near("top_p") || near("min_p");  // float32 may cut elsewhere
    if (may_differ && static_cast<int64_t>(d->ids.size()) != c.at("kept").to_number<int64_t>()) {
      ++close;
      continue;
    }
    EXPECT_EQ(static_cast<int64_t>(d->ids.size()), c.at("kept").to_number<int64_t>()) << "case " << number;
    for (size_t i = 0; i < d->ids.size(); ++i)
      got[static_cast<size_t>(d->ids[i])] = static_cast<double>(d->p[i]) / d->total;
    if (margins.contains("tie_cut")) {  // equal logits were cut apart: compare the sorted probabilities
      std::sort(got.begin(), got.end());
      std::sort(want.begin(), want.end());
    }
    for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    EXPECT_LE(worst, 2e-6) << "case " << number;
    ++cases;
  }
  std::printf("  %d cases, worst probability %.1e off; %d within 1e-6 of a threshold cut elsewhere\n", cases, worst,
              close);
  EXPECT_GT(cases, 0);
}

}  // namespace
}  // namespace jamsu
