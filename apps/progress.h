#pragma once
// What a long run shows: on a terminal one line that is drawn again and again and fits its width, elsewhere a line now
// and then.
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace jamsu::apps {

// `text` in at most `columns` of a terminal, what steers it shown (base/printable.h); a cut is marked by "…". Korean and
// other wide characters take two columns.
std::string fitted(std::string_view text, int columns);

class StatusLine {
 public:
  // `codes`: the terminal understands escape sequences (else it is written to as a file is).
  explicit StatusLine(bool codes);
  ~StatusLine();  // the line stays as it was last drawn
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool on_terminal() const { return terminal_; }
  int columns() const;  // of the terminal now; 200 elsewhere
  // The fields of the line, the most important first: on a terminal those stand that fit. Elsewhere all, as a line.
  void show(std::vector<std::string> fields);
  // A line above it. Errors of the output are left to main(): a terminal that was closed must not end a run.
  void line(std::string_view text);
  // The line is at its end: what comes next begins below it.
  void close();

 private:
  void draw();   // with mutex_ held
  void erase();  // with mutex_ held
  void follow_size();
  bool terminal_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false, open_ = false;
  std::vector<std::string> fields_;
  int drawn_columns_ = 0, drawn_at_width_ = 0;
  std::thread follower_;  // draws anew when the terminal's width changes
};

}  // namespace jamsu::apps
