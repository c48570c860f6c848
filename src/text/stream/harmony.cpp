// gpt-oss: messages with a channel and, for calls, a recipient. The prompt ends behind <|start|>assistant. Muse Glimmer's
// messages have a recipient alone: itself, the user, or a tool, which is then called in tags (tagged_words.cpp).
#include <algorithm>
#include <optional>

#include "text/stream/family.h"

namespace jamsu::text {
namespace {

constexpr std::string_view kTo = "to=";

class HarmonyFamily final : public StreamFamily {
 public:
  HarmonyFamily(StreamFormat format, const StreamOptions& options, StreamSink& sink)
      : StreamFamily(sink), options_(options), muse_(format == StreamFormat::muse) {
    if (options.in_reasoning && options.lenient) {
      where_ = Where::body;
      in_analysis_ = true;
      reasonings_ = 1;
    }
    options_.in_reasoning = false;  // of the parser inside
    if (muse_) {
      body_markers_ = {{kStart, "<|start|>"}, {kEnd, "<|eom|>"}, {kReturn, "<|eot|>"}};
    } else {
      body_markers_ = {{kStart, "<|start|>"}, {kEnd, "<|end|>"}, {kCall, "<|call|>"}, {kReturn, "<|return|>"}};
      markers_ = {{kChannel, "<|channel|>"}, {kConstrain, "<|constrain|>"}};
    }
    markers_.push_back({kMessage, "<|message|>"});
    markers_.insert(markers_.begin(), body_markers_.begin(), body_markers_.end());
  }
  bool in_reasoning() const override { return where_ == Where::body && in_analysis_ && !arguments_; }

 private:
  enum Id : int { kStart, kEnd, kCall, kReturn, kChannel, kConstrain, kMessage };
  // start: before the first marker, which may be a header's recipient. between: behind the end of a message.
  enum class Where : uint8_t { start, plain, role, channel, rest_of_header, body, between };

  bool drops_pieces() const override { return options_.lenient && (arguments_ || calls_); }

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
    if (muse_) {
      if (call.recipient == "self") call.channel = "analysis";
      if (call.recipient == "self" || call.recipient == "user") call.recipient.clear();
    }
    arguments_.reset();
    in_analysis_ = call.channel == "analysis";
    if (!call.recipient.empty() && muse_) {
      calls_ = make_tagged(StreamFormat::muse, options_, sink_);
    } else if (!call.recipient.empty()) {
      constexpr std::string_view kFunctions = "functions.";
      call.name = call.recipient;
      if (call.name.starts_with(kFunctions)) call.name.erase(0, kFunctions.size());
      sink_.call_begin(call);
      arguments_.emplace(sink_, false, options_.lenient);
    } else if ((in_analysis_ ? reasonings_ : contents_)++ > 0) {
      body("\n");  // between messages
    }
  }

  void body(std::string_view s) {
    if (calls_) {
      calls_->push(s);
    } else if (arguments_) {
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
    if (!calls_) return;
    const StreamEnd end = calls_->finish();
    for (uint32_t i = 0; i < end.dropped; ++i) drop();
    if (end.truncated) truncate();
    calls_.reset();
  }

  void end() override {
    if (where_ == Where::start) return plain();
    if (where_ == Where::plain || where_ == Where::between) return;
    if (where_ == Where::body) end_body(false);
    truncate();
  }

  StreamOptions options_;
  bool muse_;
  std::vector<Marker> body_markers_, markers_;
  Where where_ = Where::start;
  std::string role_, channel_;
  std::optional<Arguments> arguments_;
  FamilyPtr calls_;  // reads the body of a message to a tool
  bool in_analysis_ = false;
  uint64_t reasonings_ = 0, contents_ = 0;
};

}  // namespace

FamilyPtr make_harmony(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<HarmonyFamily>(format, options, sink);
}

}  // namespace jamsu::text
