// Mistral: [TOOL_CALLS] before each call, NAME[ARGS]{...} or NAME[CALL_ID]ID[ARGS]{...}, or, in older models, before a
// list of them, [{"name": ..., "arguments": ..., "id": ...}]; [THINK] around reasoning.
#include <optional>
#include <string>

#include "text/stream/call_list.h"
#include "text/stream/family.h"

namespace jamsu::text {
namespace {

class MistralFamily final : public ThinkFamily {
 public:
  MistralFamily(const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.think = {"[THINK]", "<think>"},
                     .think_end = "[/THINK]",
                     .sections = {kCalls},
                     .ends = {"</s>"},
                     .section_in_reasoning = false}) {
    arguments_markers_ = {{kNext, kCalls}};
    add_ends(arguments_markers_);
    header_markers_ = {{kArguments, "[ARGS]"}, {kId, "[CALL_ID]"}, {kNext, kCalls}};
    add_ends(header_markers_);
  }

 private:
  static constexpr std::string_view kCalls = "[TOOL_CALLS]";
  enum Own : int { kNext = kOwn, kArguments, kId };
  enum class Where : uint8_t { first, list, name, id, arguments, after };

  std::span<const Marker> section_markers() const override {
    return where_ == Where::name || where_ == Where::id ? header_markers_ : arguments_markers_;
  }
  bool drops_pieces() const override { return lenient() && in_section() && where_ == Where::arguments; }

  void section_begin(std::string_view before, std::string_view /*mark*/) override {
    if (!before.empty()) sink_.content(before);
    where_ = Where::first;
    header_.clear();
    id_.clear();
  }

  size_t section_text(std::string_view s) override {
    switch (where_) {
      case Where::first: {
        const std::string_view first = trim_left(s);
        if (first.empty()) return s.size();
        where_ = may_begin(CallSyntax::json, first[0]) ? Where::list : Where::name;
        return s.size() - first.size();
      }
      case Where::arguments: {
        const size_t size = value_.take(s);
        arguments_->push(s.substr(0, size));
        if (!value_.whole()) return size;
        arguments_->finish(true);
        where_ = Where::after;
        return size;
      }
      case Where::after: {  // what stands behind the arguments is text
        const std::string_view rest = trim_left(s);
        if (!rest.empty()) leave_section();
        return s.size() - rest.size();
      }
      case Where::id:
        return add(id_, s, kMostHeader);
      case Where::list:
        return add(header_, s, kMostBody);
      case Where::name:
        break;
    }
    const size_t brace = s.find('{');  // NAME{...}
    if (brace == std::string_view::npos) return add(header_, s, kMostHeader);
    const size_t taken = add(header_, s.substr(0, brace), kMostHeader);
    if (in_section()) begin_call();
    return taken;
  }

  // What does not fit is text.
  size_t add(std::string& to, std::string_view s, size_t most) {
    const size_t size = fitting(to.size(), s, most);
    to += s.substr(0, size);
    if (size < s.size()) refuse();
    return size;
  }

  void refuse() {
    drop();
    sink_.content(std::string(kCalls) + header_ + id_);
    leave_section();
  }

  void begin_call() {
    StreamCall call;
    call.name = trim(header_);
    call.id = trim(id_);
    if (call.name.empty()) return refuse();
    sink_.call_begin(call);
    arguments_.emplace(sink_, false, lenient());
    value_ = {};
    where_ = Where::arguments;
  }

  void section_marker(const Marker& m) override {
    if (m.id == kArguments) return begin_call();
    if (m.id == kId) {
      where_ = Where::id;
      return;
    }
    close(true);
    section_begin({}, m.text);
  }

  // The call, if one has begun, and its list: what stands behind that is content.
  void close(bool complete) {
    if (where_ == Where::arguments) {
      arguments_->finish(complete);
    } else if (where_ == Where::list) {
      close_list();
    } else if (where_ != Where::after) {
      drop();
    }
    where_ = Where::first;
  }

  void close_list() {
    const CallList list = read_calls(CallSyntax::json, header_, {});
    for (const CallList::Call& call : list.calls) {
      sink_.call_begin({.name = call.name, .id = call.id});
      sink_.call_arguments(call.arguments);
      sink_.call_end(true, true);
    }
    if (!list.whole) return drop();
    const std::string_view rest = std::string_view(header_).substr(list.end);
    if (!trim(rest).empty()) sink_.content(rest);
  }

  // Calls have no end but the reply's: arguments that are JSON are whole.
  void section_end_of_text() override {
    if (where_ == Where::arguments) {
      if (!arguments_->finish_at_end()) truncate();
      return leave_section();
    }
    if (where_ == Where::after) return leave_section();
    const bool list = where_ == Where::list;
    close(false);
    if (!list || !trim(header_).ends_with(']')) truncate();
    leave_section();
  }

  Where where_ = Where::first;
  std::string header_, id_;
  std::optional<Arguments> arguments_;
  JsonEnd value_;  // of the arguments
  std::vector<Marker> header_markers_, arguments_markers_;
};

}  // namespace

FamilyPtr make_mistral(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<MistralFamily>(options, sink);
}

}  // namespace jamsu::text
