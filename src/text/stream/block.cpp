// Calls written as a list of values between two marks, or from a mark to the reply's end: JSON, Python's call syntax,
// or Gemma's. A block is held back until it is read whole.
#include <array>
#include <string>

#include "base/check.h"
#include "text/stream/call_list.h"
#include "text/stream/family.h"

namespace jamsu::text {
namespace {

struct Words {
  StreamFormat format;
  CallSyntax syntax = CallSyntax::json;
  std::array<std::string_view, 2> think = {"<think>"};
  std::string_view think_end = "</think>";
  std::array<std::string_view, 2> open;
  std::string_view close = {};  // empty: the end of the value, or of the reply
  std::array<std::string_view, 4> passed = {};
  std::array<std::string_view, 3> ends;
  bool bare = false;         // a reply that begins with '{' may be a call
  bool think_again = false;  // ThinkFamily::Tags
};

// From the templates in models/templates of llama-cpp-python 0.3.36 (docs/models.md has all models).
constexpr std::array<Words, 11> kWords{{
    {.format = StreamFormat::gemma4,
     .syntax = CallSyntax::gemma,
     .think = {"<|channel>thought\n", "<|channel>thought"},
     .think_end = "<channel|>",
     .open = {"<|tool_call>"},
     .close = "<tool_call|>",
     .passed = {"<|channel>"},
     .ends = {"<turn|>", "<|tool_response>"},
     .think_again = true},
    {.format = StreamFormat::lfm2,
     .syntax = CallSyntax::python,
     .open = {"<|tool_call_start|>"},
     .close = "<|tool_call_end|>",
     .ends = {"<|im_end|>"}},
    {.format = StreamFormat::nemotron_v2,
     .open = {"<TOOLCALL>"},
     .close = "</TOOLCALL>",
     .ends = {"<SPECIAL_12>", "<|eot_id|>"}},
    {.format = StreamFormat::apriel,
     .think_end = "[BEGIN FINAL RESPONSE]",
     .open = {"<tool_calls>"},
     .close = "</tool_calls>",
     .passed = {"[END FINAL RESPONSE]"},
     .ends = {"<|end|>", "<end_of_sentence>"}},
    {.format = StreamFormat::command_r7b,
     .think = {"<|START_THINKING|>"},
     .think_end = "<|END_THINKING|>",
     .open = {"<|START_ACTION|>"},
     .close = "<|END_ACTION|>",
     .passed = {"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"},
     .ends = {"<|END_OF_TURN_TOKEN|>"}},
    {.format = StreamFormat::command_r,
     .open = {"Action:\n```json\n", "Action: ```json\n"},
     .close = "```",
     .passed = {"<|CHATBOT_TOKEN|>"},
     .ends = {"<|END_OF_TURN_TOKEN|>"}},
    {.format = StreamFormat::apertus,
     .think = {"<|inner_prefix|>"},
     .think_end = "<|inner_suffix|>",
     .open = {"<|tools_prefix|>"},
     .close = "<|tools_suffix|>",
     .ends = {"<|assistant_end|>"}},
    {.format = StreamFormat::granite,
     .open = {"<|tool_call|>"},
     .passed = {"<response>", "</response>"},
     .ends = {"<|end_of_text|>"}},
    {.format = StreamFormat::functools, .open = {"functools["}, .ends = {"<|eot_id|>", "<|end|>"}},
    {.format = StreamFormat::gigachat,
     .open = {"<|message_sep|>\n\nfunction call<|role_sep|>\n", "<|function_call|>"},
     .ends = {"<|message_sep|>", "</s>"}},
    {.format = StreamFormat::llama3, .open = {"<|python_tag|>"}, .ends = {"<|eot_id|>", "<|eom_id|>"}, .bare = true},
}};

const Words& words_of(StreamFormat format) {
  for (const Words& w : kWords)
    if (w.format == format) return w;
  JAMSU_CHECK(false);
}

class BlockFamily final : public ThinkFamily {
 public:
  BlockFamily(const Words& words, const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.think = filled(words.think),
                     .think_end = words.think_end,
                     .think_again = words.think_again,
                     .sections = filled(words.open),
                     .ends = filled(words.ends),
                     .passed = filled(words.passed),
                     .section_in_reasoning = false,
                     .before = HeldTail::Kind::white_space,
                     .most_before = kMostWhiteSpace}),
        words_(words),
        schemas_(options.tools) {
    if (!words.close.empty()) markers_.push_back({kClose, words.close});
    for (const std::string_view open : filled(words.open)) markers_.push_back({kOpen, open});
    add_ends(markers_);
  }

 private:
  enum Own : int { kClose = kOwn, kOpen };
  static constexpr size_t kNone = std::string::npos;
  static constexpr int kMostTries = 16;  // a mark inside a string is no end; each try reads the whole block

  std::span<const Marker> section_markers() const override { return markers_; }
  bool section_of_content(std::string_view first) override { return words_.bare && first[0] == '{'; }

  void section_begin(std::string_view before, std::string_view mark) override {
    before_ = before;
    mark_ = mark;
    body_ = mark.ends_with('[') ? "[" : "";
    begun_ = !body_.empty();
    first_end_ = kNone;
    tries_ = 0;
  }

  size_t section_text(std::string_view s) override {
    const std::string_view first = trim_left(s);
    if (!begun_ && !first.empty() && !may_begin(words_.syntax, first[0])) {
      refuse();
      return 0;
    }
    begun_ = begun_ || !first.empty();
    const size_t size = fitting(body_.size(), s, kMostBody);
    body_ += s.substr(0, size);
    if (size < s.size()) refuse();
    return size;
  }

  void section_marker(const Marker& m) override {
    if (m.id == kClose && read(true)) return leave_section();
    if (m.id == kOpen && words_.close.empty() && read(true)) {  // the next block
      section_begin({}, m.text);
      return;
    }
    body_ += m.text;
    if (m.id == kOpen) return;
    if (first_end_ == kNone) first_end_ = body_.size();
    if (++tries_ == kMostTries) refuse();
  }

  // The calls of the block, if all of it is calls; what stands behind them, without a mark for the end, is content.
  bool read(bool whole) {
    const CallList list = read_calls(words_.syntax, body_, schemas_);
    const bool rest = !trim(std::string_view(body_).substr(list.end)).empty();
    if (list.calls.empty() || !list.whole || (rest && whole)) return false;
    emit(list);
    if (rest) again(std::string_view(body_).substr(list.end));
    return true;
  }

  void emit(const CallList& list) {
    for (const CallList::Call& call : list.calls) {
      sink_.call_begin({.name = call.name, .id = call.id});
      sink_.call_arguments(call.arguments);
      sink_.call_end(true, true);
    }
  }

  // It is text, up to its first end mark; what was read behind that is read again.
  void refuse() {
    drop();
    body_.erase(0, mark_.ends_with('[') ? 1 : 0);
    if (first_end_ != kNone) {
      first_end_ -= mark_.ends_with('[') ? 1 : 0;
      again(std::string_view(body_).substr(first_end_));
    }
    sink_.content(before_ + mark_ + body_.substr(0, first_end_));
    leave_section();
  }

  void section_end_of_text() override {
    if (words_.close.empty() && read(false)) return leave_section();
    const CallList list = read_calls(words_.syntax, body_, schemas_);
    const bool cut = list.end == body_.size() || trim(std::string_view(body_).substr(list.end)).empty();
    if (first_end_ != kNone || mark_.empty() || (!cut && list.calls.empty() && words_.close.empty())) return refuse();
    emit(list);  // those that are whole
    if (!list.whole) drop();
    truncate();
  }

  const Words& words_;
  ToolSchemas schemas_;
  std::vector<Marker> markers_;
  std::string before_, mark_, body_;
  size_t first_end_ = kNone;  // behind the first end mark in body_
  int tries_ = 0;
  bool begun_ = false;
};

}  // namespace

FamilyPtr make_block(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<BlockFamily>(words_of(format), options, sink);
}

}  // namespace jamsu::text
