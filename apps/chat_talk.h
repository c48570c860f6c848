#pragma once
// A conversation with a model: messages and commands in, replies on stdout.
#include <string>
#include <vector>

#include "apps/message_reader.h"
#include "apps/reply_printer.h"
#include "apps/request.h"

namespace jamsu::apps {

struct TalkOptions {
  std::string system;
  SamplingOptions sampling;
};

class Talk {
 public:
  // `reader` is asked whether keys have to be kept quiet while a reply is written.
  Talk(session::OpenSession& open, TalkOptions options, const Globals& globals, const MessageReader& reader);

  // False when the conversation is to end.
  bool take(const TypedMessage& message);

 private:
  struct Command;
  static const std::vector<Command>& commands();

  void ask();
  void make_room(session::ChatRequest& request);
  session::Reply write(const session::ChatRequest& request);
  void say_how(const session::Reply& reply, const session::ChatRequest& request);
  void note(const std::string& text) const;

  void begin(std::vector<text::Message> messages);
  void obey(const std::string& line);
  std::string assign(const Setting& setting, const std::string& value);
  // Of commands: false where their argument is none of theirs.
  bool help(const std::string&);
  bool leave(const std::string&);
  bool new_conversation(const std::string&);
  bool again(const std::string&);
  bool system(const std::string& text);
  bool think(const std::string& word);
  bool seed(const std::string& number);
  bool set_one(const std::string& words);
  bool save(const std::string& path);
  bool load(const std::string& path);
  bool stats(const std::string&);

  session::OpenSession& open_;
  TalkOptions options_;
  const Globals& globals_;
  const MessageReader& reader_;
  std::vector<text::Message> messages_, full_;  // as the model gets them; all that was said, with the thinking
  uint32_t sample_ = 0;                         // of the same question: /regen asks for the next
  int64_t tokens_ = 0;
  double seconds_ = 0;
  bool over_ = false;
};

}  // namespace jamsu::apps
