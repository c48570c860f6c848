#include "base/lfs_pointer.h"

#include <fmt/format.h>

#include <string>

namespace jamsu {
namespace {

constexpr std::string_view kFirstLine = "version https://git-lfs.github.com/spec/";
constexpr size_t kMostBytes = 1024;  // of a pointer, as its specification says

// The digits behind "\nsize "; empty: there are none.
std::string_view size_field(std::string_view pointer) {
  constexpr std::string_view kKey = "\nsize ";
  const size_t at = pointer.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view digits = pointer.substr(at + kKey.size());
  return digits.substr(0, digits.find_first_not_of("0123456789"));
}

}  // namespace

Status check_fetched(std::string_view bytes, std::string_view path) {
  if (bytes.size() > kMostBytes || !bytes.starts_with(kFirstLine) || bytes.find("\noid ") == std::string_view::npos)
    return {};
  const std::string_view size = size_field(bytes);
  return Error{
      fmt::format("{}: is a pointer of git-lfs, not the file itself: its content ({} bytes) was not fetched. Run \"git "
                  "lfs pull\" in its repository, or fetch the model with jamsu pull.",
                  path, size.empty() ? std::string_view("a number unknown of") : size)};
}

}  // namespace jamsu
