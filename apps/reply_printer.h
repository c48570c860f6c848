#pragma once
// A reply on stdout, piece by piece as it is written.
#include <string>

#include "apps/verbs.h"
#include "session/events.h"

namespace jamsu::apps {

struct ReplyLook {
  enum class Thinking { no, marks, dim };  // marks: between <think> and </think>
  Thinking thinking = Thinking::marks;
  bool terminal = false;  // control characters of the reply are shown, not obeyed
  bool colour = false;    // text may be dimmed
};
// `show`: no, yes or dim, which is yes where stdout is no terminal or may not be dimmed.
ReplyLook look_of(const std::string& show, const Globals& globals);

// One reply, told by its events. Flushes after each piece. Line ends around the thinking, which many models write
// (`<think>\n\n</think>\n\n`), are not shown, and no thinking that holds nothing else.
class ReplyPrinter {
 public:
  explicit ReplyPrinter(const ReplyLook& look) : look_(look) {}
  // Stop: stdout takes no more.
  SinkAnswer take(const session::Event& event);

  const char* dim() const { return look_.colour ? "\033[2m" : ""; }
  const char* plain() const { return look_.colour ? "\033[0m" : ""; }

 private:
  enum class Part { none, thinking, content, call };
  void go_to(Part part);
  void write(const std::string& text);
  void think(std::string text);
  void say(std::string text);  // content

  ReplyLook look_;
  Part part_ = Part::none;
  bool line_begun_ = false;
  bool thought_ = false;  // and no content but line ends since
  std::string held_;      // line ends of the thinking, shown when it goes on
};

}  // namespace jamsu::apps
