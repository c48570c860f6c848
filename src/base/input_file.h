#pragma once
// What is opened to be read whole: a FIFO would wait for a writer that never comes, and /dev/zero has no end. The one
// place where that is decided.
//   what the program looks for itself (a model's folder, its own state)   regular files: base/files.h, read_file
//   what a person names on the command line                               besides these what a shell can put in their
//                                                                         place: <(command), /dev/stdin, a terminal
#include <cstdint>
#include <string>

#include "base/result.h"

namespace jamsu {

enum class Reads : uint8_t {
  files,      // regular files alone
  pipes_too,  // and pipes without a name (<(command)), and terminals: they end when their writer does
};

// Whether a name stands there. One that leads nowhere counts (a link into a cache whose blob has gone), and one that
// cannot be asked for: reading it says what is wrong.
bool is_there(const std::string& path);

// Opens without waiting. The descriptor is the caller's. Errors: cannot be read; `PATH: is a FIFO (named pipe), where a
// file is read.`, and so of folders, devices and sockets.
Result<int> open_to_read(const std::string& path, Reads reads);

// The whole file; by itself one that a person named. Errors besides: more than max_bytes; a pointer of git-lfs.
Result<std::string> read_input_file(const std::string& path, int64_t max_bytes, Reads reads = Reads::pipes_too);

// All of stdin, to its end, whatever it is but a device without one. Errors: it cannot be read; more than max_bytes.
Result<std::string> read_stdin_bytes(int64_t max_bytes);

// From the descriptor's place to its end; a regular file that is too large is refused before it is read. `name` stands
// in errors.
Result<std::string> read_to_end(int fd, const std::string& name, int64_t max_bytes);

}  // namespace jamsu
