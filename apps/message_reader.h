#pragma once
// What a person types into a chat: lines with editing and history at a terminal (libedit), plain lines from a pipe.
// A message may have several lines: a paste that the terminal marks (bracketed paste), Alt-Enter, or a block between
// """ and """. History is kept in memory alone.
#include <histedit.h>
#include <termios.h>

#include <optional>
#include <string>

namespace jamsu::apps {

struct TypedMessage {
  std::string text = {};
  bool command = false;  // one line that begins with "/"
};

class MessageReader {
 public:
  // `codes`: the terminal understands escape sequences. note_signals() comes first.
  explicit MessageReader(bool codes);
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  bool terminal() const { return terminal_; }
  // An empty text after Ctrl-C; nothing at the end of the input, or when a signal has ended it.
  std::optional<TypedMessage> read();

 private:
  std::optional<std::string> line(const char* prompt);
  std::optional<std::string> edited_line(const char* prompt);
  std::string block(std::string text, bool& ended);

  bool terminal_, marks_pastes_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
};

// While a reply is written to a terminal: keys are not echoed into it. They are kept for the next line; Ctrl-C stays a
// signal.
class QuietKeys {
 public:
  explicit QuietKeys(bool terminal);
  ~QuietKeys();
  QuietKeys(const QuietKeys&) = delete;
  QuietKeys& operator=(const QuietKeys&) = delete;

 private:
  std::optional<termios> before_;
};

}  // namespace jamsu::apps
