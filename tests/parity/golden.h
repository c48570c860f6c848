#pragma once
// Reads the tensors of golden cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/deepseek_v3.h"
#include "models/load.h"
#include "models/open.h"
#include "parity/golden_files.h"
#include "tensor/tensor.h"

namespace jamsu::golden {

inline DType dtype_of(std::string_view name) {
  for (const DType d : {DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::i8, DType::u8, DType::i32,
                        DType::u32, DType::i64, DType::boolean})
    if (dtype_name(d) == name) return d;
  throw std::runtime_error("dtype " + std::string(name));
}

// Trusted files: the reader that trusts nothing is formats/safetensors.
inline models::NamedTensors read_tensors(const fs::path& path, Allocator& memory) {
  const std::string bytes = read_text(path);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  const auto header = boost::json::parse(std::string_view(bytes).substr(8, length)).as_object();
  models::NamedTensors tensors;
  for (const auto& [key, value] : header) {
    if (key == "__metadata__") continue;
    const auto& entry = value.as_object();
    std::vector<int64_t> dims;
    for (const auto& d : entry.at("shape").as_array()) dims.push_back(d.to_number<int64_t>());
    Tensor t = Tensor::empty(Shape(dims), dtype_of(entry.at("dtype").as_string()), memory);
    const auto begin = entry.at("data_offsets").as_array()[0].to_number<uint64_t>();
    std::memcpy(t.raw(), bytes.data() + 8 + length + begin, static_cast<size_t>(t.bytes()));
    tensors.emplace(std::string(key), t);
  }
  return tensors;
}

// model.safetensors, or its shards.
inline models::NamedTensors read_model(const fs::path& folder, Allocator& memory) {
  models::NamedTensors all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("model", 0) != 0 || entry.path().extension() != ".safetensors") continue;
    all.merge(read_tensors(entry.path(), memory));
  }
  return all;
}

// The folders of `folder` that hold `file`, by name.
inline std::vector<fs::path> cases_in(const fs::path& folder, const char* file) {
  std::vector<fs::path> found;
  if (!fs::is_directory(folder)) ADD_FAILURE() << "no folder " << folder;
  for (const auto& entry : fs::directory_iterator(folder))
    if (fs::exists(entry.path() / file)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}
// Those of training/ whose case.json says `kind`; at least one.
inline std::vector<fs::path> training_cases(std::string_view kind) {
  std::vector<fs::path> found;
  for (const auto& folder : cases_in(root() / "training", "case.json"))
    if (read_json(folder / "case.json").as_object().at("case").as_string() == kind) found.push_back(folder);
  EXPECT_FALSE(found.empty()) << "no case of kind " << kind << " in " << root() / "training";
  return found;
}

// Plain absolute and relative L2 differences; NaN counts as infinite.
struct Difference {
  double max_abs = 0, relative_l2 = 0;
};
inline Difference difference(const float* got, const float* want, int64_t count) {
  double diff = 0, norm = 0, worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double d = static_cast<double>(got[i]) - static_cast<double>(want[i]);
    worst = d == d ? std::max(worst, std::abs(d)) : HUGE_VAL;
    diff += d * d;
    norm += static_cast<double>(want[i]) * static_cast<double>(want[i]);
  }
  if (!(diff == diff)) return {HUGE_VAL, HUGE_VAL};
  return {worst, norm > 0 ? std::sqrt(diff / norm) : (diff > 0 ? HUGE_VAL : 0.0)};
}

}  // namespace jamsu::golden
