#include "tokenizer/pretokenizer.h"

#include <algorithm>

#include "tokenizer/bpe.h"

namespace jamsu::tokenizer {

void PreTokenizer::run(std::string_view text, bool at_start, Sink sink) const {
  const char* front = at_start ? text.data() : nullptr;
  if (!in_alphabet_) return run_stage(0, text, front, sink);
  run_stage(0, text, front, [sink](std::string_view piece) { sink(token_to_bytes(piece)); });
}

void PreTokenizer::run_stage(size_t stage, std::string_view text, const char* front, Sink sink) const {
  if (text.empty()) return;
  if (stage == stages_.size()) return sink(text);
  const Stage& s = stages_[stage];
  if (s.metaspace) return run_metaspace(stage, text, front, sink);
  std::string prefixed;
  if (s.add_prefix_space && text.front() != ' ') {
    prefixed.reserve(text.size() + 1);
    prefixed += ' ';
    prefixed += text;
    if (front == text.data()) front = prefixed.data();
    text = prefixed;
  }
  if (s.to_alphabet) {
    const auto encoded = [&](std::string_view part) {
      const std::string letters = bytes_to_token(part);
      run_stage(stage + 1, letters, front == part.data() ? letters.data() : nullptr, sink);
    };
    return s.scanner ? s.scanner->cut(text, encoded) : encoded(text);
  }
  if (!s.scanner) return run_stage(stage + 1, text, front, sink);
  switch (s.behavior) {
    case Behavior::isolated:
      if (stage + 1 == stages_.size()) return s.scanner->cut(text, sink);
      return s.scanner->scan(text, [&](std::string_view part, bool) { run_stage(stage + 1, part, front, sink); });
    case Behavior::removed:
      return s.scanner->scan(text, [&](std::string_view part, bool is_match) {
        if (is_match == s.invert) run_stage(stage + 1, part, front, sink);
      });
    default:
      return run_merged(stage, text, front, sink);
  }
}

// The behaviours that join neighbours; `begin` is where the part that still grows starts. After `invert`, "match" means
// the stretches between matches.
void PreTokenizer::run_merged(size_t stage, std::string_view text, const char* front, Sink sink) const {
  const Stage& s = stages_[stage];
  const char* begin = text.data();
  const char* const end = text.data() + text.size();
  bool first = true, previous = false;
  s.scanner->scan(text, [&](std::string_view part, bool is_match) {
    const bool match = is_match != s.invert;
    bool cut = false;
    if (s.behavior == Behavior::contiguous) cut = match != previous;
    if (s.behavior == Behavior::merged_with_previous) cut = !match || previous;
    if (s.behavior == Behavior::merged_with_next) cut = match || !previous;
    if (!first && cut) {
      run_stage(stage + 1, {begin, static_cast<size_t>(part.data() - begin)}, front, sink);
      begin = part.data();
    }
    first = false;
    previous = match;
  });
  run_stage(stage + 1, {begin, static_cast<size_t>(end - begin)}, front, sink);
}

// Spaces become the mark; one stands in front, by the scheme; with `split` each mark begins a piece.
void PreTokenizer::run_metaspace(size_t stage, std::string_view text, const char* front, Sink sink) const {
  const Metaspace& m = *stages_[stage].metaspace;
  const bool at_start = front == text.data();
  std::string marked;
  const auto spaces = static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  marked.reserve(text.size() + (spaces + 1) * m.mark.size());
  for (const char c : text) c == ' ' ? marked.append(m.mark) : marked.append(1, c);
  const bool wanted = m.scheme == Metaspace::Scheme::always || (m.scheme == Metaspace::Scheme::first && at_start);
  if (wanted && !marked.starts_with(m.mark)) marked.insert(0, m.mark);
  const char* const new_front = at_start ? marked.data() : nullptr;
  std::string_view rest = marked;
  while (!rest.empty()) {
    const size_t next = m.split ? rest.find(m.mark, rest.starts_with(m.mark) ? m.mark.size() : 0) : rest.npos;
    run_stage(stage + 1, rest.substr(0, next), new_front, sink);
    if (next == std::string_view::npos) break;
    rest.remove_prefix(next);
  }
}

}  // namespace jamsu::tokenizer
