// gpt-oss: messages with a channel and, for calls, a recipient. The prompt ends behind <|start|>assistant.
#include <algorithm>
#include <optional>

#include "text/stream/family.h"

namespace jamsu::text {
namespace {

constexpr std::string_view kTo = "to=";

class HarmonyFamily final : public StreamFamily {
 public:
  HarmonyFamily(const StreamOptions& options, StreamSink& sink)
      : StreamFamily(sink),
        lenient_(options.lenient),
        body_markers_{{kStart, "<|start|>"}, {kEnd, "<|end|>"}, {kCall, "<|call|>"}, {kReturn, "<|return|>"}},
        markers_(body_markers_) {
    markers_.insert(markers_.end(),
                    {{kChannel, "<|channel|>"}, {kConstrain, "<|constrain|>"}, {kMessage, "<|message|>"}});
  }
  bool in_reasoning() const override { return where_ == Where::body && in_analysis_ && !arguments_; }

 private:
  enum Id : int { kStart, kEnd, kCall, kReturn, kChannel, kConstrain, kMessage };
  // start: before the first marker, which may be a header's recipient. between: behind the end of a message.
  enum class Where : uint8_t { start, plain, role, channel, rest_of_header, body, between };

  bool drops_pieces() const override { return lenient_ && arguments_.has_value(); }

  std::span<const Marker> markers() const override { return where_ == Where::body ? body_markers_ : markers_; }

  size_t text(std::string_view s) override {
    switch (where_) {
      case Where::start:
        role_ += s;
        if (!may_be_header(role_)) plain();
        break;
      case Where::plain:
        sink_.content(s);
        break;
      case Where::role:
      case Where::between:
        add(role_, s);
        break;
      case Where::channel:
        add(channel_, s);
        break;
      case Where::rest_of_header:
        break;
      case Where::body:
        body(s);
    }
    return s.size();
  }

  // ` to=functions.f` and what can still become it.
  static bool may_be_header(std::string_view s) {
    if (s.size() > kMostHeader) return false;
    const std::string_view word = trim_left(s);
    return word.starts_with(kTo) || kTo.starts_with(word);
  }

  // Text without a header is content.
  void plain() {
    where_ = Where::plain;
    if (role_.empty()) return;
    ++contents_;
    sink_.content(role_);
    role_.clear();
  }

  static void add(std::string& header, std::string_view s) {
    header += s.substr(0, kMostHeader - std::min(kMostHeader, header.size()));
  }

  void marker(const Marker& m) override {
    if (m.id == kMessage) return begin_body();
    if (m.id == kChannel) {
      where_ = Where::channel;
      channel_.clear();
    } else if (m.id == kConstrain) {
      where_ = Where::rest_of_header;
    } else {
      end_message(m.id);
    }
  }

  void end_message(int id) {
    const bool in_header = where_ == Where::role || where_ == Where::channel || where_ == Where::rest_of_header;
    if (where_ == Where::start && id != kStart) plain();
    if (where_ == Where::body) end_body(id == kCall);
    where_ = id == kStart ? Where::role : Where::between;
    role_.clear();
    channel_.clear();
    if (id != kReturn) return;
    if (in_header) truncate();
    stop();
  }

  void begin_body() {
    StreamCall call;
    std::string_view role = role_, channel = channel_;
    for (std::string_view word = take_word(role); !word.empty(); word = take_word(role))
      if (word.starts_with(kTo)) call.recipient = word.substr(kTo.size());
    for (std::string_view word = take_word(channel); !word.empty(); word = take_word(channel)) {
      if (word.starts_with(kTo)) {
        call.recipient = word.substr(kTo.size());
      } else if (call.channel.empty()) {
        call.channel = word;
      }
    }
    if (call.channel.empty()) call.channel = "final";
    where_ = Where::body;
    arguments_.reset();
    in_analysis_ = call.channel == "analysis";
    if (!call.recipient.empty()) {
      constexpr std::string_view kFunctions = "functions.";
      call.name = call.recipient;
      if (call.name.starts_with(kFunctions)) call.name.erase(0, kFunctions.size());
      sink_.call_begin(call);
      arguments_.emplace(sink_, false, lenient_);
    } else if ((in_analysis_ ? reasonings_ : contents_)++ > 0) {
      body("\n");  // between messages
    }
  }

  void body(std::string_view s) {
    if (arguments_) {
      arguments_->push(s);
    } else if (in_analysis_) {
      sink_.reasoning(s);
    } else {
      sink_.content(s);
    }
  }

  void end_body(bool complete) {
    if (arguments_) arguments_->finish(complete);
    arguments_.reset();
  }

  void end() override {
    if (where_ == Where::start) return plain();
    if (where_ == Where::plain || where_ == Where::between) return;
    if (where_ == Where::body) end_body(false);
    truncate();
  }

  bool lenient_;
  std::vector<Marker> body_markers_, markers_;
  Where where_ = Where::start;
  std::string role_, channel_;
  std::optional<Arguments> arguments_;
  bool in_analysis_ = false;
  uint64_t reasonings_ = 0, contents_ = 0;
};

}  // namespace

FamilyPtr make_harmony(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<HarmonyFamily>(options, sink);
}

}  // namespace jamsu::text
