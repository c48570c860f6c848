#pragma once
// What the Hugging Face hub says about a model, read as input that nobody vouches for. No connection is opened here:
// apps/pull fetches, this layer knows names, answers and the cache.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jamsu::hub {

// ORG/NAME as the hub admits it: letters, digits, "-", "_", "."; no part is empty, longer than 96, has ".." or "--"
// (which the cache's folder names separate with), or begins or ends with "-" or ".".
bool is_repository(std::string_view name);
// A relative path that stays below the folder it is appended to: no empty, "." or ".." component, no backslash, no
// control character (a terminal shows these names), components of at most 255 bytes, 1,024 in all.
bool stays_inside(std::string_view path);
bool is_hex(std::string_view text);  // lower-case digits, at least one

// /api/models/ORG/NAME/revision/REVISION.
struct Repository {
  std::string commit;              // 40 (or 64) hexadecimal digits
  std::vector<std::string> files;  // each stays_inside, none twice, by name
};
// Errors name `source` and the field: no JSON, no commit, a file name that would leave the folder.
Result<Repository> parse_repository(std::string_view json, std::string_view source);

// Which of a repository's files are fetched: shell patterns whose * also matches "/", as in huggingface_hub.
struct Selection {
  std::vector<std::string> include, exclude;
  bool takes(const std::string& file) const;
};
// What a model needs, without the copies in other formats that many repositories hold.
Selection usual_selection();

// Header values. Empty where they are something else.
//   ETag and X-Linked-Etag: 64 hexadecimal digits (SHA-256 of a file in LFS) or 40 (SHA-1 of a git blob); quotes and
//   W/ are taken off.
std::optional<std::string> parse_etag(std::string_view value);
std::optional<int64_t> parse_size(std::string_view value);  // decimal, not negative
struct ContentRange {
  int64_t first, last, total;
};
std::optional<ContentRange> parse_content_range(std::string_view value);  // "bytes 5-9/10"

// Percent-encoded for a URL's path; "/" stays where `keep_slashes`.
std::string url_path(std::string_view text, bool keep_slashes);

}  // namespace jamsu::hub
