// MiniMax-M3: a section of <invoke name="NAME">, in it a tag for each parameter, which has its name; objects and lists
// are tags within it, <KEY> and <item>. Each tag stands behind a mark of its own, so that other tags are text.
#include <string>
#include <utility>
#include <vector>

#include "text/stream/family.h"
#include "text/stream/schema.h"

namespace jamsu::text {
namespace {

constexpr std::string_view kMark = "]<]minimax[>[", kSectionMark = "]<]minimax[>[<tool_call>",
                           kInvokeMark = "]<]minimax[>[<invoke ";

// A parameter, or what lies within one, that has not ended.
struct Element {
  std::string name;
  SchemaPart schema;
  bool is_string;  // tags within it are its text
  std::string text = {};
  std::vector<std::pair<std::string, std::string>> members = {};  // as JSON; of a list each is called item
};

std::string joined(const Element& e) {
  bool list = e.schema.may_be_list();
  for (const auto& [name, json] : e.members) list &= name == "item";
  std::string out = list ? "[" : "{";
  for (const auto& [name, json] : e.members) {
    if (out.size() > 1) out += ", ";
    if (!list) out += json_quoted(name) + ": ";
    out += json;
  }
  return out + (list ? "]" : "}");
}

std::string json_of(const Element& e) {
  if (!e.members.empty()) return joined(e);
  return trim(e.text).empty() && !e.is_string ? e.schema.empty() : e.schema.value(e.text);
}

class MinimaxM3Family final : public ThinkFamily {
 public:
  MinimaxM3Family(const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.think = {"<mm:think>"},
                     .think_end = "</mm:think>",
                     .sections = {kSectionMark, kInvokeMark},
                     .ends = {kEnd},
                     .section_in_reasoning = false,
                     .before = HeldTail::Kind::white_space,
                     .most_before = kMostWhiteSpace}),
        schemas_(options.tools),
        markers_{{kTag, kMark}} {
    add_ends(markers_);
  }

 private:
  static constexpr std::string_view kEnd = "[e~[";
  enum Own : int { kTag = kOwn };

  std::span<const Marker> section_markers() const override { return markers_; }

  void section_begin(std::string_view before, std::string_view mark) override {
    alone_ = mark != kSectionMark;
    read_ = std::string(before) + (alone_ ? "" : std::string(mark));
    in_tag_ = alone_;
    tag_ = alone_ ? mark.substr(kMark.size()) : std::string_view();
    in_call_ = false;
    calls_ = 0;
    open_.clear();
  }

  void section_marker(const Marker& m) override {
    if (in_tag_) no_tag();
    if (!in_section()) return again(m.text);
    in_tag_ = true;
    tag_.clear();
  }

  size_t section_text(std::string_view s) override {
    if (!in_tag_) return plain(s);
    if (tag_.empty() && s[0] != '<') {
      no_tag();
      return 0;
    }
    const size_t end = s.find('>');
    const std::string_view part = s.substr(0, end == std::string_view::npos ? end : end + 1);
    const size_t size = fitting(tag_.size(), part, kMostHeader);
    tag_ += part.substr(0, size);
    if (size < part.size()) {
      no_tag();
    } else if (end != std::string_view::npos) {
      tag();
    }
    return size;
  }

  // The mark and what stands behind it are text.
  void no_tag() {
    in_tag_ = false;
    if (in_call_) {
      add(std::string(kMark) + tag_);
    } else {
      read_ += std::string(kMark) + tag_;
      refuse();
    }
  }

  size_t plain(std::string_view s) {
    if (in_call_) {
      add(s);
      return s.size();
    }
    const size_t blank = s.size() - trim_left(s).size();
    read_ += s.substr(0, blank);
    if (blank < s.size()) refuse();
    return blank;
  }

  // Text of the innermost element; between parameters it says nothing.
  void add(std::string_view s) {
    if (open_.empty() || too_long_) return;
    too_long_ = size_ + s.size() > kMostBody;
    size_ += s.size();
    if (!too_long_) open_.back().text += s;
  }

  // What was read since the section's beginning is content; after a call only the white space behind it.
  void refuse() {
    if (calls_ == 0) drop();
    if (!read_.empty()) sink_.content(read_);
    leave_section();
  }

  void tag() {
    in_tag_ = false;
    std::string_view name = std::string_view(tag_).substr(1, tag_.size() - 2);
    const bool closes = name.starts_with('/');
    if (closes) name.remove_prefix(1);
    constexpr std::string_view kInvokeName = "invoke name=";
    if (name == "invoke" && closes) return end_call(true);
    if (name == "tool_call") {
      end_call(true);
      if (closes && calls_ == 0) drop();
      if (closes) leave_section();
      return;
    }
    if (!closes && name.starts_with(kInvokeName)) {
      end_call(true);
      return begin_call(bare_name(name.substr(kInvokeName.size())));
    }
    if (!in_call_ || name.empty()) return no_tag();
    if (closes) return close(name);
    open(name);
  }

  // A call that stands without its section's marks has to name a tool of the request.
  void begin_call(std::string_view name) {
    if (!is_name(name) || (alone_ && !schemas_.empty() && !schemas_.has(name))) return no_tag();
    name_ = name;
    sink_.call_begin({.name = name_});
    ++calls_;
    in_call_ = true;
    members_ = 0;
    read_.clear();
  }

  void end_call(bool complete) {
    if (!in_call_) return;
    if (complete && !open_.empty()) close(std::string(open_.front().name));
    if (!complete) open_.clear();
    if (complete) sink_.call_arguments(members_ == 0 ? "{}" : "}");
    sink_.call_end(complete, complete);
    in_call_ = false;
  }

  SchemaPart schema_of(std::string_view name) const {
    if (open_.empty()) return schemas_.part(name_, name);
    const SchemaPart& outer = open_.back().schema;
    return name == "item" && outer.may_be_list() ? outer.item() : outer.member(name);
  }

  void open(std::string_view name) {
    if (!open_.empty() && (open_.back().is_string || open_.size() >= kMostJsonDepth)) {
      if (!open_.back().is_string) drop();
      return add(std::string(kMark) + tag_);
    }
    if (open_.empty()) {
      too_long_ = false;
      size_ = 0;
    }
    size_ += tag_.size();
    too_long_ = too_long_ || size_ > kMostBody;
    const SchemaPart schema = schema_of(name);
    open_.push_back({std::string(name), schema, schema.is_string()});
  }

  // Ends the innermost element of this name and all within it.
  void close(std::string_view name) {
    size_t at = open_.size();
    while (at > 0 && open_[at - 1].name != name) --at;
    if (at == 0 || (open_.back().is_string && at < open_.size())) return add(std::string(kMark) + tag_);
    while (open_.size() >= at) {
      const Element e = std::move(open_.back());
      open_.pop_back();
      if (open_.empty()) return end_parameter(e);
      if (!too_long_) open_.back().members.emplace_back(e.name, json_of(e));
    }
  }

  void end_parameter(const Element& e) {
    if (too_long_) return drop();
    sink_.call_arguments((members_++ == 0 ? "{" : ", ") + json_quoted(e.name) + ": " + json_of(e));
  }

  void section_end_of_text() override {
    if (in_call_) {
      end_call(false);
    } else if (calls_ == 0) {
      drop();
    } else if (alone_) {
      return;
    }
    truncate();
  }

  ToolSchemas schemas_;
  std::vector<Marker> markers_;
  std::string read_;  // since the section began, or since its last call
  std::string tag_, name_;
  std::vector<Element> open_;  // the parameter and what lies in it
  size_t size_ = 0;            // of the parameter
  uint32_t calls_ = 0, members_ = 0;
  bool alone_ = false;     // no section's mark began it
  bool in_tag_ = false;    // behind a mark
  bool in_call_ = false;   // between <invoke> and its end
  bool too_long_ = false;  // the parameter
};

}  // namespace

FamilyPtr make_minimax_m3(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<MinimaxM3Family>(options, sink);
}

}  // namespace jamsu::text
