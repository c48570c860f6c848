#include "tokenizer/decoder.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tokenizer/bpe.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

std::string replaced(std::string_view text, const PatternScanner& scanner, std::string_view to) {
  std::string out;
  scanner.scan(text, [&](std::string_view part, bool is_match) { out += is_match ? to : part; });
  return out;
}

// WordPiece's cleanup: what English writes without a space before it.
std::string cleaned(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) text = replaced(text, from, to);
  return text;
}

std::string as_word(std::string_view token, std::string_view prefix, bool clean) {
  std::string text = token.starts_with(prefix) ? std::string(token.substr(prefix.size())) : " " + std::string(token);
  return clean ? cleaned(std::move(text)) : text;
}

// Bytes at the end of `text` that are a beginning of `needle`, but not all of it.
size_t begun(std::string_view text, std::string_view needle) {
  size_t bytes = std::min(text.size(), needle.size() - 1);
  while (!text.ends_with(needle.substr(0, bytes))) --bytes;
  return bytes;
}

}  // namespace

int byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return -1;
  int byte = -1;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  return error == std::errc() && end == token.data() + 5 ? byte : -1;
}

class Decoder::Run {
 public:
  Run(const Decoder& decoder, Text& text, std::string& out) : steps_(decoder.steps_), text_(text), out_(out) {
    text_.states_.resize(steps_.size());
  }

  void emit(size_t i, const Part& part) {
    if (i == steps_.size()) {
      out_ += part.text;
      return;
    }
    const Step& step = steps_[i];
    State& state = text_.states_[i];
    switch (step.kind) {
      case Kind::fuse:
        return pass(i, part.text, !std::exchange(state.started, true), false);
      case Kind::metaspace:
        if (part.begins) state.in_first = !std::exchange(state.started, true);
        return pass(i, replaced(part.text, step.text, step.flag && state.in_first ? "" : " "), part.begins, part.ends);
      case Kind::spaces:
        if (part.begins && std::exchange(state.started, true)) out_ += ' ';
        return pass(i, part.text, part.begins, part.ends);
      case Kind::strip:
        return strip(i, part);
      case Kind::replace:
        if (!step.needle.empty()) return replace(i, part);
        break;
      case Kind::bpe:
        if (part.begins && std::exchange(state.started, true))
          pass(i, replaced(std::exchange(state.held, {}), step.text, " "), true, true);
        state.held += part.text;
        return;
      default:
        break;
    }
    // The others look at whole strings.
    if (part.begins && part.ends) return whole(i, part.text);
    state.held += part.text;
    if (part.ends) whole(i, std::exchange(state.held, {}));
  }

  // No more comes.
  void finish() {
    for (size_t i = 0; i < steps_.size(); ++i) {
      State& state = text_.states_[i];
      switch (steps_[i].kind) {
        case Kind::fuse:
          pass(i, {}, !state.started, true);
          break;
        case Kind::byte_level:
          pass(i, state.bytes.flush(), !state.started, true);
          break;
        case Kind::byte_fallback:
          end_bytes(i);
          break;
        case Kind::bpe:
          if (state.started) pass(i, replaced(state.held, steps_[i].text, ""), true, true);
          break;
        default:
          break;
      }
    }
    text_.states_.clear();
  }

 private:
  using State = Text::State;
  void pass(size_t i, std::string_view text, bool begins, bool ends) { emit(i + 1, {text, begins, ends}); }

  void whole(size_t i, std::string_view token) {
    const Step& step = steps_[i];
    State& state = text_.states_[i];
    switch (step.kind) {
      case Kind::byte_level:
        return pass(i, state.bytes.push(token_to_bytes(token)), !std::exchange(state.started, true), false);
      case Kind::byte_fallback:
        if (const int byte = byte_of_token(token); byte >= 0) return add_byte(i, static_cast<char>(byte));
        end_bytes(i);
        return pass(i, token, true, true);
      case Kind::word_piece:
        if (std::exchange(state.started, true)) return pass(i, as_word(token, step.text, step.flag), true, true);
        return step.flag ? pass(i, cleaned(std::string(token)), true, true) : pass(i, token, true, true);
      default:  // Replace by a pattern
        return pass(i, replaced(token, *step.scanner, step.text), true, true);
    }
  }

  void add_byte(size_t i, char byte) {
    State& state = text_.states_[i];
    if (text_.exact_) {
      state.held += byte;
      return;
    }
    const std::string text = state.bytes.push({&byte, 1});
    if (!text.empty()) pass(i, text, !std::exchange(state.in_token, true), false);
  }
  void end_bytes(size_t i) {
    State& state = text_.states_[i];
    if (!text_.exact_) {
      const std::string rest = state.bytes.flush();
      const bool in_token = std::exchange(state.in_token, false);
      if (in_token || !rest.empty()) pass(i, rest, !in_token, true);
      return;
    }
    const std::string run = std::exchange(state.held, {});
    if (run.empty()) return;
    if (unicode::is_valid_utf8(run)) return pass(i, run, true, true);
    for (size_t n = 0; n < run.size(); ++n) pass(i, "\xEF\xBF\xBD", true, true);
  }

  void replace(size_t i, const Part& part) {
    const Step& step = steps_[i];
    State& state = text_.states_[i];
    if (part.begins && part.ends) return pass(i, replaced(part.text, step.needle, step.text), true, true);
    if (part.begins) state.held.clear();
    std::string text = state.held.append(part.text);
    // Behind the last match may stand the beginning of the next.
    size_t free = 0;
    for (size_t at = text.find(step.needle); at != std::string::npos; at = text.find(step.needle, free))
      free = at + step.needle.size();
    const size_t kept = part.ends ? 0 : begun(std::string_view(text).substr(free), step.needle);
    state.held = text.substr(text.size() - kept);
    text.resize(text.size() - kept);
    pass(i, replaced(text, step.needle, step.text), part.begins, part.ends);
  }

  void strip(size_t i, const Part& part) {
    const Step& step = steps_[i];
    State& state = text_.states_[i];
    if (part.begins) {
      state.stripped = 0;
      state.at_front = true;
      state.held.clear();
    }
    std::string_view text = part.text;
    std::string content;
    unicode::append_utf8(content, step.stripped);
    while (state.at_front && !text.empty()) {
      state.at_front = state.stripped < step.start && text.starts_with(content);
      if (!state.at_front) break;
      text.remove_prefix(content.size());
      ++state.stripped;
    }
    std::string all = state.held.append(text);
    size_t end = all.size();
    for (size_t n = 0; n < step.stop && std::string_view(all).substr(0, end).ends_with(content); ++n)
      end -= content.size();
    state.held = part.ends ? std::string() : all.substr(end);
    all.resize(end);
    pass(i, all, part.begins, part.ends);
  }

  const std::vector<Step>& steps_;
  Text& text_;
  std::string& out_;
};

void Decoder::Text::push(const Decoder& decoder, std::string_view token, std::string& out) {
  Run(decoder, *this, out).emit(0, {token, true, true});
}

void Decoder::Text::finish(const Decoder& decoder, std::string& out) {
  Run(decoder, *this, out).finish();
}

bool Decoder::only_byte_level() const {
  return steps_.size() == 1 && byte_level();
}
bool Decoder::byte_level() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& s) { return s.kind == Kind::byte_level; });
}
bool Decoder::byte_fallback() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& s) { return s.kind == Kind::byte_fallback; });
}

std::string Decoder::meaning(std::string_view token) const {
  std::string text(token);
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::byte_level:
        text = token_to_bytes(text);
        break;
      case Kind::replace:
        text = step.needle.empty() ? replaced(text, *step.scanner, step.text) : replaced(text, step.needle, step.text);
        break;
      case Kind::byte_fallback:
        if (const int byte = byte_of_token(text); byte >= 0) return std::string(1, static_cast<char>(byte));
        break;
      case Kind::metaspace:
        text = replaced(text, step.text, " ");
        break;
      case Kind::word_piece:
        text = as_word(text, step.text, step.flag);
        break;
      case Kind::bpe:
        text = replaced(text, step.text, " ");
        break;
      case Kind::spaces:
        text.insert(0, 1, ' ');
        break;
      case Kind::strip:  // of the whole text, where Fuse stands in front as it does in published files
      case Kind::fuse:
        break;
    }
  }
  return text;
}

}  // namespace jamsu::tokenizer
