#pragma once
// Text that people give: UTF-8, with or without a byte order mark. What is written otherwise is named for what it is,
// with the command that converts it. Every verb reads its users' files through this.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu::unicode {

// `bytes` without the byte order mark. `name` is the file's, in errors and in the commands that they give:
//   `NAME: is UTF-16, where UTF-8 is read`     UTF-16 and UTF-32, with a byte order mark or without
//   `NAME: is a Parquet file, no text`         by the first bytes: archives, compressed files, PDF, git-lfs pointers
//   `NAME:3: byte 14 is not UTF-8`             of that line from 0, and what the file looks like: CP949, Latin-1, UTF-8
//                                              that was damaged or cut
//   `NAME:3: byte 14 is NUL`                   no text has one
Result<std::string_view> user_text(std::string_view bytes, const std::string& name);

// The text of a file, or of <(command): base/input_file.h. Errors besides: it cannot be read; more than max_bytes.
Result<std::string> read_text_file(const std::string& path, int64_t max_bytes = int64_t{1} << 30);

}  // namespace jamsu::unicode
