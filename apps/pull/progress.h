#pragma once
// What a person sees meanwhile: one line that moves on a terminal, plain lines elsewhere.
#include <unistd.h>

#include <cstdint>
#include <string>

namespace jamsu::pull {

std::string bytes_text(int64_t bytes);  // "17 B", "4.9 GiB"

class Progress {
 public:
  void plan(int64_t total) { total_ = total; }  // bytes of all files that are fetched
  void begin(const std::string& file, int64_t size, int64_t here);
  void at(int64_t bytes);  // of the file, so far; may be called for every piece
  void end();              // the file is whole
  void line(const std::string& text);

 private:
  double rate() const;
  std::string file_;
  int64_t total_ = 0, whole_ = 0;             // of all files, of those that are whole
  int64_t size_ = 0, first_ = 0, bytes_ = 0;  // of this one: all, before it was begun, now
  double begun_ = 0, printed_ = 0;
  bool terminal_ = ::isatty(1) == 1;
};

}  // namespace jamsu::pull
