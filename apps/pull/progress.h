#pragma once
// What a person sees meanwhile: on a terminal a line for each file that is under way and one for all of them, which
// move; elsewhere plain lines. Used by several threads at once. Output that fails (a closed terminal) stops nothing.
#include <unistd.h>

#include <cstdint>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace jamsu::pull {

std::string bytes_text(int64_t bytes);  // "17 B", "4.9 GiB"
// The beginning of a text that fits into so many columns of a terminal (wide characters take two).
std::string_view fitting(std::string_view text, int columns);

// Since it was begun, of the bytes that were not there before.
class Rate {
 public:
  explicit Rate(int64_t here);
  void at(int64_t bytes);  // so far; fewer than before: started again
  int64_t came() const { return bytes_ - first_; }
  int64_t per_second() const;

 private:
  int64_t first_, bytes_;
  double begun_;
};

class Progress {
 public:
  // One file that is under way, from its first byte to its last.
  class File {
   public:
    File(Progress& progress, std::string name, int64_t size, int64_t here);
    ~File();  // not whole: its line goes
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    void at(int64_t bytes);  // so far; may be called for every piece
    void end();              // the file is whole

   private:
    friend class Progress;
    std::string text() const;
    Progress& progress_;
    std::string name_;
    int64_t size_, bytes_;
    Rate rate_;
    double printed_;
    bool whole_ = false;
  };

  // Bytes of all files that are fetched, and how many of them are here.
  void plan(int64_t total, int64_t here);
  void line(const std::string& text);
  void line_once(const std::string& text);  // the same text only the first time

 private:
  void print(const std::string& text);  // of several whole lines, above those that move
  void draw();                          // those that move; terminal alone
  std::string sum() const;

  mutable std::mutex mutex_;
  std::list<File*> files_;  // under way
  std::set<std::string> said_;
  int64_t total_ = 0, whole_ = 0;  // of all files, of those that are whole
  Rate rate_{0};
  double drawn_at_ = 0;
  int drawn_ = 0;  // lines that move, as they stand on the terminal
  bool terminal_ = ::isatty(1) == 1;
};

}  // namespace jamsu::pull
