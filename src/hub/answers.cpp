#include "hub/answers.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>

#include "formats/strict_json.h"

namespace jamsu::hub {
namespace {

constexpr size_t kMaxFiles = 100'000;
constexpr int kMaxDepth = 64;  // a model card's metadata nests, though never so far

bool is_repository_part(std::string_view part) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  const auto edge = [](char c) { return c == '-' || c == '.'; };
  return !part.empty() && part.size() <= 96 && std::all_of(part.begin(), part.end(), plain) && !edge(part.front()) &&
         !edge(part.back()) && part.find("..") == std::string_view::npos && part.find("--") == std::string_view::npos;
}

// For an error: what is no plain ASCII is shown as \xNN, so that a name cannot play with the terminal.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 200)) {
    if (c >= ' ' && c <= '~')
      result += c;
    else
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace

bool is_repository(std::string_view name) {
  const size_t slash = name.find('/');
  return slash != std::string_view::npos && is_repository_part(name.substr(0, slash)) &&
         is_repository_part(name.substr(slash + 1));
}

bool stays_inside(std::string_view path) {
  if (path.size() > 1024) return false;
  for (const char c : path)
    if (c == '\\' || static_cast<unsigned char>(c) < 32 || c == 127) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    begin = end + 1;
  }
  return true;
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Repository> parse_repository(std::string_view json, std::string_view source) {
  const auto parsed = formats::parse_strict_json(json, source, kMaxDepth);
  if (!parsed) return parsed.error();
  const auto* object = parsed->if_object();
  const auto* sha = object ? object->if_contains("sha") : nullptr;
  Repository repository;
  if (sha && sha->is_string()) repository.commit = sha->as_string().c_str();
  if (!is_hex(repository.commit) || (repository.commit.size() != 40 && repository.commit.size() != 64))
    return Error{fmt::format("{}: \"sha\" is no commit (40 hexadecimal digits).", source)};
  const auto* siblings = object->if_contains("siblings");
  if (!siblings || !siblings->is_array()) return Error{fmt::format("{}: \"siblings\" is no list of files.", source)};
  if (siblings->as_array().size() > kMaxFiles)
    return Error{fmt::format("{}: \"siblings\" names more than {} files.", source, kMaxFiles)};
  for (const auto& sibling : siblings->as_array()) {
    const auto* name = sibling.is_object() ? sibling.as_object().if_contains("rfilename") : nullptr;
    if (!name || !name->is_string())
      return Error{fmt::format("{}: \"siblings\" entry {} has no \"rfilename\".", source, repository.files.size())};
    const std::string_view file(name->as_string());
    if (!stays_inside(file))
      return Error{
          fmt::format("{}: \"rfilename\" \"{}\" is no plain path inside the model's folder; nothing was fetched.",
                      source, shown(file))};
    repository.files.emplace_back(file);
  }
  std::sort(repository.files.begin(), repository.files.end());
  const auto twice = std::adjacent_find(repository.files.begin(), repository.files.end());
  if (twice != repository.files.end())
    return Error{fmt::format("{}: \"rfilename\" \"{}\" stands twice.", source, *twice)};
  return repository;
}

bool Selection::takes(const std::string& file) const {
  const auto matches = [&](const std::string& pattern) { return ::fnmatch(pattern.c_str(), file.c_str(), 0) == 0; };
  return std::any_of(include.begin(), include.end(), matches) && std::none_of(exclude.begin(), exclude.end(), matches);
}

Selection usual_selection() {
  return {.include = {"*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "README.md", "LICENSE*"},
          .exclude = {"onnx/*", "openvino/*", "coreml/*", "original/*", "metal/*"}};
}

std::optional<std::string> parse_etag(std::string_view value) {
  if (value.starts_with("W/")) value.remove_prefix(2);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  if (!is_hex(value) || (value.size() != 40 && value.size() != 64)) return {};
  return std::string(value);
}

std::optional<int64_t> parse_size(std::string_view value) {
  int64_t size = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
  if (error != std::errc() || end != value.data() + value.size() || size < 0) return {};
  return size;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  if (!value.starts_with("bytes ")) return {};
  value.remove_prefix(6);
  const size_t dash = value.find('-'), slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return {};
  const auto first = parse_size(value.substr(0, dash)), last = parse_size(value.substr(dash + 1, slash - dash - 1)),
             total = parse_size(value.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return {};
  return ContentRange{*first, *last, *total};
}

std::string url_path(std::string_view text, bool keep_slashes) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || (keep_slashes && c == '/');
    if (plain)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace jamsu::hub
