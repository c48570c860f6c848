#include "apps/reply_printer.h"

#include <unistd.h>

#include <utility>
#include <variant>

namespace jamsu::apps {

ReplyLook look_of(const std::string& show, const Globals& globals) {
  using Thinking = ReplyLook::Thinking;
  const bool terminal = isatty(STDOUT_FILENO) == 1, colour = terminal && globals.colour;
  const Thinking thinking = show == "no" ? Thinking::no : show == "dim" && colour ? Thinking::dim : Thinking::marks;
  return {.thinking = thinking, .terminal = terminal, .colour = colour};
}

namespace {

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void ReplyPrinter::write(const std::string& text) {
  if (text.empty()) return;
  put(look_.terminal ? printable_lines(text) : text);
  line_begun_ = text.back() != '\n';
}

void ReplyPrinter::think(std::string text) {
  text.insert(0, std::exchange(held_, {}));
  if (part_ != Part::thinking) text.erase(0, text.find_first_not_of('\n'));
  const size_t end = text.find_last_not_of('\n') + 1;
  if (end > 0) go_to(Part::thinking);
  held_ = text.substr(end);
  write(text.substr(0, end));
}

void ReplyPrinter::say(std::string text) {
  if (thought_) text.erase(0, text.find_first_not_of('\n'));
  if (text.empty()) return;
  thought_ = false;
  go_to(Part::content);
  write(text);
}

// Ends the part that is being written and begins another.
void ReplyPrinter::go_to(Part part) {
  if (part == part_) return;
  const bool dimmed = look_.thinking == ReplyLook::Thinking::dim;
  switch (part_) {
    case Part::thinking:
      put(dimmed ? "\033[0m\n" : "\n</think>\n");
      line_begun_ = false;
      break;
    case Part::call:
      put("]");
      put(plain());
      put("\n");
      line_begun_ = false;
      break;
    case Part::none:
    case Part::content:
      break;
  }
  if (part == Part::thinking || part == Part::call) {
    if (line_begun_) put("\n");
    line_begun_ = false;
    if (part == Part::thinking) put(dimmed ? "\033[2m" : "<think>\n");
  }
  held_.clear();
  part_ = part;
}

SinkAnswer ReplyPrinter::take(const session::Event& event) {
  if (const auto* r = std::get_if<session::ReasoningPiece>(&event)) {
    thought_ = true;
    if (look_.thinking == ReplyLook::Thinking::no) return SinkAnswer::keep;
    think(r->text);
  } else if (const auto* c = std::get_if<session::ContentPiece>(&event)) {
    say(c->text);
  } else if (std::holds_alternative<session::ContentWasReasoning>(event)) {
    go_to(Part::none);
    thought_ = true;
    if (line_begun_) put("\n");
    line_begun_ = false;
    // It stands there already: the end mark alone tells programs so, as some models write it.
    put(look_.thinking == ReplyLook::Thinking::dim ? "\033[2m[what stands above is the model's thinking]\033[0m\n"
                                                   : "</think>\n");
  } else if (const auto* call = std::get_if<session::CallBegin>(&event)) {
    go_to(Part::none);
    go_to(Part::call);
    put(dim());
    put("[calls ");
    write(call->call.name + " ");
  } else if (const auto* arguments = std::get_if<session::CallArguments>(&event)) {
    write(arguments->text);
  } else if (const auto* done = std::get_if<session::Done>(&event)) {
    const bool nothing = part_ == Part::none && !done->error.empty(), called = part_ == Part::call;
    go_to(Part::none);
    if (!nothing && !called) put("\n");
  }
  return std::fflush(stdout) == 0 ? SinkAnswer::keep : SinkAnswer::stop;
}

}  // namespace jamsu::apps
