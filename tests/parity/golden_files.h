#pragma once
// Where golden cases lie and how their files are read: the folder of JAMSU_GOLDEN, or tests/golden.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace jamsu::golden {

namespace fs = std::filesystem;

inline fs::path own_root() {
  return fs::path(JAMSU_SOURCE_DIR) / "tests/golden";
}
inline fs::path root() {
  const char* other = std::getenv("JAMSU_GOLDEN");
  return other && *other ? fs::path(other) : own_root();
}

inline std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
inline boost::json::value read_json(const fs::path& path) {
  return boost::json::parse(read_text(path));
}
// JSONL, split on LF alone: other separators stand raw inside strings.
inline std::vector<boost::json::object> read_lines(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<boost::json::object> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(boost::json::parse(line).as_object());
  return lines;
}

}  // namespace jamsu::golden
