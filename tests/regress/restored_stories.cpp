#include "regress/restored_stories.h"

#include <boost/json.hpp>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace jamsu::regress {
namespace {

struct Matrix {
  size_t rows = 0, columns = 0;
  std::vector<float> values;
};

// Moves rows within each head: halves, which Hugging Face rotates against each other,
// to llama2.c's pairs of neighbours; or back.
void reorder(Matrix& w, size_t heads, bool to_pairs) {
  const Matrix from = w;
  const size_t half = w.rows / heads / 2;
  for (size_t head = 0; head < heads; ++head)
    for (size_t i = 0; i < half; ++i)
      for (size_t s = 0; s < 2; ++s) {
        const size_t in_halves = (head * 2 + s) * half + i, in_pairs = (head * half + i) * 2 + s;
        std::memcpy(&w.values[(to_pairs ? in_pairs : in_halves) * w.columns],
                    &from.values[(to_pairs ? in_halves : in_pairs) * w.columns], w.columns * sizeof(float));
      }
}

// Its columns, one after another, as rows of the same shape.
void write_columns_as_rows(Matrix& w) {
  const Matrix from = w;
  for (size_t i = 0; i < w.rows; ++i)
    for (size_t j = 0; j < w.columns; ++j) w.values[j * w.rows + i] = from.values[i * w.columns + j];
}

void restore(Matrix& w, size_t rotated_heads) {
  if (rotated_heads > 0) reorder(w, rotated_heads, true);
  for (int time = 0; time < 5; ++time) write_columns_as_rows(w);
  if (rotated_heads > 0) reorder(w, rotated_heads, false);
}

}  // namespace

void restore_stories(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  fs::create_directories(to);
  fs::copy(from + "/config.json", to);
  const auto config = boost::json::parse(*read_file(from + "/config.json"));
  std::string bytes = *read_file(from + "/model.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  const auto header = boost::json::parse(std::string_view(bytes).substr(8, length));
  for (const auto& [name, entry] : header.as_object()) {
    if (!name.starts_with("model.layers.") || entry.at("shape").as_array().size() != 2) continue;
    Matrix w{entry.at("shape").at(0).to_number<size_t>(), entry.at("shape").at(1).to_number<size_t>(), {}};
    w.values.resize(w.rows * w.columns);
    char* at = bytes.data() + 8 + length + entry.at("data_offsets").at(0).to_number<size_t>();
    std::memcpy(w.values.data(), at, w.values.size() * sizeof(float));
    const char* heads = name.ends_with("q_proj.weight")   ? "num_attention_heads"
                        : name.ends_with("k_proj.weight") ? "num_key_value_heads"
                                                          : nullptr;
    restore(w, heads ? config.at(heads).to_number<size_t>() : 0);
    std::memcpy(at, w.values.data(), w.values.size() * sizeof(float));
  }
  std::ofstream(to + "/model.safetensors", std::ios::binary) << bytes;
}

}  // namespace jamsu::regress
