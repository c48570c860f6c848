#include "apps/chat_talk.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "apps/signals.h"
#include "base/near_names.h"
#include "formats/json_records.h"
#include "text/conversation.h"
#include "unicode/text_file.h"

namespace jamsu::apps {
namespace {

const Setting* find_setting(std::string_view name) {
  const auto all = settings();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& s) { return s.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// What may have been meant, or the end of the sentence.
std::string question_or_stop(const std::string& name, const std::vector<std::string>& names) {
  const std::string question = did_you_mean(name, names);
  return question.empty() ? "." : question;
}

}  // namespace

struct Talk::Command {
  const char *name, *argument;
  const char* help;  // empty: another name of the one above, or one that is known elsewhere
  bool (Talk::*run)(const std::string& rest);
};

const std::vector<Talk::Command>& Talk::commands() {
  static const std::vector<Command> all = {
      {"/new", "", "forget the conversation (also /clear)", &Talk::new_conversation},
      {"/clear", "", "", &Talk::new_conversation},
      {"/regen", "", "write the last reply again: the next draw, with temperature above 0", &Talk::again},
      {"/system", "TEXT", "the system message from now on; without TEXT: what it is", &Talk::system},
      {"/set", "NAME VALUE", "temperature, max_tokens and the like; without NAME: all of them", &Talk::set_one},
      {"/think", "on|off|auto", "whether the model thinks before it answers", &Talk::think},
      {"/seed", "N", "seed of the draws (with temperature above 0)", &Talk::seed},
      {"/save", "FILE", "write the conversation as JSONL (it is written nowhere else)", &Talk::save},
      {"/load", "FILE", "go on with a conversation: what /save has written, or one in a line", &Talk::load},
      {"/stats", "", "tokens and speed so far", &Talk::stats},
      {"/help", "", "this list (also /?)", &Talk::help},
      {"/?", "", "", &Talk::help},
      {"/bye", "", "leave (also /exit, /quit, Ctrl-D)", &Talk::leave},
      {"/exit", "", "", &Talk::leave},
      {"/quit", "", "", &Talk::leave},
  };
  return all;
}

Talk::Talk(session::OpenSession& open, TalkOptions options, const Globals& globals, const MessageReader& reader)
    : open_(open), options_(std::move(options)), globals_(globals), reader_(reader) {
  if (options_.sampling.end_loops.empty()) options_.sampling.end_loops = "on";
  begin({});
}

bool Talk::take(const TypedMessage& message) {
  if (message.text.empty()) return true;
  if (message.command) {
    obey(message.text);
  } else {
    messages_.push_back({"user", message.text});
    full_.push_back({"user", message.text});
    sample_ = 0;
    ask();
  }
  std::fflush(stdout);
  return !over_;
}

// Dimmed, in a line of its own: what is not the model's word.
void Talk::note(const std::string& text) const {
  const ReplyPrinter look(look_of("dim", globals_));
  fmt::print("{}[{}]{}\n", look.dim(), printable(text), look.plain());
}

// Answers the last message, which is a user's; where that fails it is taken back.
void Talk::ask() {
  session::ChatRequest request = make_request(options_.sampling, open_.generation);
  request.messages = messages_;
  request.sample = sample_;
  make_room(request);
  const session::Reply reply = write(request);
  open_.count(reply);
  open_.model->account->keep();  // the next question may never come
  if (!reply.done.error.empty()) {
    messages_.pop_back();
    full_.pop_back();
    print("jamsu: {}\n", reply.done.error);
    return;
  }
  for (const std::string& warning : reply.done.warnings) say_once(warning);
  say_how(reply, request);
  messages_.push_back({"assistant", reply.content});  // thinking of earlier turns is not part of the prompt
  full_.push_back({"assistant", reply.content});
  if (!reply.reasoning.empty()) full_.back().reasoning_content = reply.reasoning;
  if (!reply.calls.empty()) full_.back().fields["tool_calls"] = to_json(reply).at("tool_calls");
  tokens_ += reply.done.output_tokens;
  seconds_ += reply.done.seconds;
}

// Leaves the earliest turns out until a quarter of the context is free for the reply.
void Talk::make_room(session::ChatRequest& request) {
  const int64_t context = open_.session->engine().model().info().context;
  const auto first = static_cast<std::ptrdiff_t>(!messages_.empty() && messages_[0].role == "system");
  int left_out = 0;
  while (static_cast<std::ptrdiff_t>(messages_.size()) > 2 + first) {
    const auto prompt = open_.session->prompt(request);
    if (!prompt || static_cast<int64_t>(prompt->ids.size()) <= context - context / 4) break;
    messages_.erase(messages_.begin() + first, messages_.begin() + first + 2);
    request.messages = messages_;
    ++left_out;
  }
  if (left_out > 0)
    note(fmt::format("the context of {} tokens is full: the {} earliest question(s) and answer(s) are left out",
                     context, left_out));
}

session::Reply Talk::write(const session::ChatRequest& request) {
  ReplyPrinter printer(look_of(options_.sampling.show_thinking, globals_));
  const QuietKeys quiet(reader_.terminal());
  return open_.session->follow(
      request, [&](const session::Event& event) { return printer.take(event); }, [] { return noted_signal() != 0; });
}

void Talk::say_how(const session::Reply& reply, const session::ChatRequest& request) {
  if (reply.done.reasoning_tokens > 0)
    note(fmt::format("thought {} tokens in {:.2f} s, {} tokens in {:.2f} s in all", reply.done.reasoning_tokens,
                     reply.done.reasoning_seconds, reply.done.output_tokens, reply.done.seconds));
  if (reply.done.reason == engine::FinishReason::cancelled) note("stopped");
  const std::string why = why_cut(reply, request.max_tokens, open_.session->engine().model().info().context);
  if (!why.empty()) note(why + (reply.done.looped ? "" : "; /set max_tokens N, /new begins afresh"));
}

void Talk::obey(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  while (rest.starts_with(' ')) rest.erase(0, 1);
  while (rest.ends_with(' ')) rest.pop_back();
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.emplace_back(command.name);
    if (name == command.name && (*command.argument != '\0' || rest.empty()) && (this->*command.run)(rest)) return;
  }
  print("{}: not a command, or not with that{} /help lists them.\n", line, question_or_stop(name, names));
}

bool Talk::help(const std::string&) {
  for (const Command& command : commands())
    if (*command.help != '\0')
      fmt::print("{:<19} {}\n", fmt::format("{} {}", command.name, command.argument), command.help);
  fmt::print(
      "Several lines are one message between \"\"\" and \"\"\", after Alt-Enter, or pasted.\n"
      "A message that begins with a blank is no command.\n"
      "Ctrl-C stops a reply, Ctrl-D leaves.\n");
  return true;
}

bool Talk::leave(const std::string&) {
  over_ = true;
  return true;
}

bool Talk::new_conversation(const std::string&) {
  begin({});
  fmt::print("(a new conversation)\n");
  return true;
}

void Talk::begin(std::vector<text::Message> messages) {
  full_ = std::move(messages);
  if (full_.empty() && !options_.system.empty()) full_.push_back({"system", options_.system});
  messages_ = full_;
  for (text::Message& m : messages_) m.reasoning_content.reset();
  sample_ = 0;
}

bool Talk::again(const std::string&) {
  if (messages_.size() < 2 || messages_.back().role != "assistant") {
    fmt::print("(there is no reply to write again)\n");
    return true;
  }
  const session::ChatRequest request = make_request(options_.sampling, open_.generation);
  if (request.sampling.temperature == 0)
    note("the most probable reply is the same again; /set temperature 0.7 draws others");
  messages_.pop_back();
  full_.pop_back();
  ++sample_;
  ask();
  return true;
}

bool Talk::system(const std::string& text) {
  if (text.empty()) {
    print("({})\n", options_.system.empty() ? "no system message" : "system: " + options_.system);
    return true;
  }
  options_.system = text;
  for (auto* list : {&messages_, &full_}) {
    if (!list->empty() && list->front().role == "system")
      list->front() = {"system", text};
    else
      list->insert(list->begin(), {"system", text});
  }
  print("(system: {})\n", text);
  return true;
}

// What is wrong; empty: it is set, and said.
std::string Talk::assign(const Setting& setting, const std::string& value) {
  const std::string wrong = set(options_.sampling, setting, value);
  const std::string name = setting.name;
  if (wrong.empty()) print("({} {})\n", name == "think" ? "thinking" : name, value_of(options_.sampling, setting));
  return wrong;
}

bool Talk::think(const std::string& word) {
  return assign(*find_setting("think"), word).empty();
}

bool Talk::seed(const std::string& number) {
  return assign(*find_setting("seed"), number).empty();
}

bool Talk::set_one(const std::string& words) {
  if (words.empty()) {
    for (const Setting& s : settings()) print("{:<19} {}\n", s.name, value_of(options_.sampling, s));
    return true;
  }
  const size_t space = words.find_first_of(" =");
  std::string name = words.substr(0, space);
  const std::string value = space == std::string::npos ? "" : words.substr(words.find_first_not_of(" =", space));
  if (name == "parameter" && !value.empty()) return set_one(value);  // as ollama has it
  if (name == "system") return system(value);
  std::replace(name.begin(), name.end(), '-', '_');
  if (const Setting* setting = find_setting(name)) {
    if (const std::string wrong = assign(*setting, value); !wrong.empty()) print("/set {}: {}\n", words, wrong);
    return true;
  }
  std::vector<std::string> names;
  for (const Setting& s : settings()) names.emplace_back(s.name);
  print("/set {}: there is no such setting{} /set lists them.\n", name, question_or_stop(name, names));
  return true;
}

bool Talk::save(const std::string& path) {
  if (path.empty()) return false;
  std::string lines;
  for (const text::Message& m : full_) {
    boost::json::object o{{"role", m.role}, {"content", m.content}};
    if (m.reasoning_content) o["reasoning_content"] = *m.reasoning_content;
    for (const auto& [key, value] : m.fields) o[key] = value;
    lines += boost::json::serialize(o) + "\n";
  }
  std::ofstream file(path);
  file << lines << std::flush;
  if (file)
    print("({} messages in {})\n", full_.size(), path);
  else
    print("{}: cannot be written\n", path);
  return true;
}

bool Talk::load(const std::string& path) {
  if (path.empty()) return false;
  const auto read = [&]() -> Result<text::Conversation> {
    const auto text = unicode::read_text_file(path);
    if (!text) return text.error();
    boost::json::array lines;
    const auto count = formats::for_each_record(*text, path, [&](const boost::json::object& line, const std::string&) {
      lines.push_back(line);
      return Status();
    });
    if (!count) return count.error();
    if (lines.size() == 1 && text::is_conversation(lines[0].as_object()))
      return text::read_conversation(lines[0].as_object(), path);
    return text::read_conversation({{"messages", std::move(lines)}}, path);
  };
  auto conversation = read();
  if (!conversation) {
    print("{}\n", conversation.error().message);
    return true;
  }
  options_.system = conversation->messages[0].role == "system" ? conversation->messages[0].content : "";
  begin(std::move(conversation->messages));
  print("({} messages from {}{})\n", full_.size(), path,
        conversation->tools.empty() ? "" : "; its tools are of generate --chat, and left out here");
  return true;
}

bool Talk::stats(const std::string&) {
  const auto stats = open_.session->engine().stats();
  fmt::print("{} tokens in {:.2f} s ({:.0f} a second), {} prompt tokens from the cache, {:.1f} MiB of state at most\n",
             tokens_, seconds_, seconds_ > 0 ? static_cast<double>(tokens_) / seconds_ : 0.0, stats.cached_tokens,
             static_cast<double>(stats.peak_state_bytes) / 1048576.0);
  return true;
}

}  // namespace jamsu::apps
