// Calls written as tags, the function and each parameter in tags of its own: a row of words for each model family.
// A parameter is passed on when it is whole, so that a reply that is cut leaves no piece of it.
#include <array>
#include <string>

#include "text/stream/family.h"
#include "text/stream/literals.h"
#include "text/stream/schema.h"
#include "text/stream/tagged_words.h"

namespace jamsu::text {
namespace {

// What stands between a mark and its end, where attributes may: "NAME" index="1".
struct Named {
  std::string name, type;
};

std::string without_entities(std::string_view s) {
  std::string out;
  while (!s.empty()) {
    const bool quote = s.starts_with("&quot;"), amp = s.starts_with("&amp;");
    out += quote ? '"' : amp ? '&' : s[0];
    s.remove_prefix(quote ? 6 : amp ? 5 : 1);
  }
  return out;
}

Named named(std::string_view s, bool attributes) {
  s = trim(s);
  const size_t end = attributes && s.starts_with('"') ? s.find('"', 1) : std::string_view::npos;
  if (end == std::string_view::npos) return {std::string(bare_name(s)), {}};
  Named out{without_entities(s.substr(1, end - 1)), {}};
  constexpr std::string_view kType = " type=\"";
  const size_t type = s.find(kType, end);
  if (type != std::string_view::npos) {
    const std::string_view rest = s.substr(type + kType.size());
    out.type = rest.substr(0, rest.find('"'));
  }
  return out;
}

class TaggedFamily final : public ThinkFamily {
 public:
  TaggedFamily(const TaggedWords& words, const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.think = filled(std::array{words.think}),
                     .think_end = words.think_end,
                     .content = words.content,
                     .sections = filled(std::array{words.section, words.call}),
                     .ends = filled(words.ends),
                     .passed = filled(words.passed),
                     .section_in_reasoning = false,
                     .before = HeldTail::Kind::white_space,
                     .most_before = kMostWhiteSpace}),
        words_(words),
        schemas_(options.tools) {
    const auto set = [&](Where where, std::initializer_list<Marker> some) {
      std::vector<Marker>& markers = markers_[static_cast<size_t>(where)];
      for (const Marker& m : some)
        if (!m.text.empty()) markers.push_back(m);
      add_ends(markers);
    };
    const Marker call{kCall, words.call}, call_end{kCallEnd, words.call_end}, parameter{kParameter, words.parameter};
    const Marker section{kSectionBegin, words.section}, section_end{kSectionEnd, words.section_end};
    set(Where::between, {call, section, section_end});
    if (words.name_end.empty()) {
      set(Where::name, {{kNameEnd, "\n"}, parameter, section_end});
    } else {
      set(Where::name, {{kNameEnd, words.name_end}});
    }
    const Marker object{kObject, words.object[0]}, object_end{kObject, words.object[1]};
    set(Where::inside, {object, object_end, parameter, call_end, section_end});
    set(Where::key, {{kKeyEnd, words.key_end}});
    set(Where::gap, {{kValue, words.value}});
    set(Where::value, {{kParameterEnd, words.parameter_end}, call_end, section_end});
    set(Where::closed, {parameter, call_end, section_end});
    set(Where::ended, {call, section, section_end});
    set(Where::json, {object_end, call_end, section_end});
  }

 private:
  enum Own : int {
    kCall = kOwn,
    kNameEnd,
    kCallEnd,
    kParameter,
    kKeyEnd,
    kValue,
    kParameterEnd,
    kSectionBegin,
    kSectionEnd,
    kObject
  };
  // gap: between a key and its value. closed, ended: a mark has ended the value, or the whole call, if what follows may
  // stand there; else it was a part of the value. json: the arguments are one object instead of tags.
  enum class Where : uint8_t { between, name, inside, key, gap, value, closed, ended, json };
  static constexpr size_t kPlaces = 9;

  std::span<const Marker> section_markers() const override { return markers_[static_cast<size_t>(where_)]; }

  void section_begin(std::string_view before, std::string_view mark) override {
    read_ = std::string(before) + std::string(mark);
    calls_ = 0;
    alone_ = mark != words_.section;
    where_ = Where::between;
    if (alone_ || words_.call.empty()) begin_name();
  }

  void begin_name() {
    where_ = Where::name;
    name_.clear();
  }

  size_t section_text(std::string_view s) override {
    switch (where_) {
      case Where::between:
        return between(s);
      case Where::name: {
        const size_t size = fitting(name_.size(), s, kMostHeader);
        name_ += s.substr(0, size);
        read_ += s.substr(0, size);
        if (size < s.size()) refuse();
        return size;
      }
      case Where::key: {
        const size_t size = fitting(key_.size(), s, kMostHeader);
        key_ += s.substr(0, size);
        if (size < s.size()) bad_parameter();
        return size;
      }
      case Where::gap:
        return s.size();
      case Where::inside:
        return inside(s);
      case Where::value:
      case Where::json:
        return add(s);
      case Where::closed:
      case Where::ended:
        return behind_value(s);
    }
    return s.size();
  }

  // Only white space belongs here; anything else is content again, with the marks where no call has come of them.
  size_t between(std::string_view s) {
    const size_t blank = s.size() - trim_left(s).size();
    read_ += s.substr(0, blank);
    if (blank < s.size()) refuse();
    return blank;
  }

  size_t inside(std::string_view s) {
    const std::string_view first = trim_left(s);
    if (members_ > 0 || dropped_ || text_seen_ || !first.starts_with('{')) {
      text_seen_ |= !first.empty();
      return s.size();
    }
    where_ = Where::json;
    value_.clear();
    pending_.clear();
    return s.size() - first.size();
  }

  size_t add(std::string_view s) {
    const size_t size = fitting(value_.size(), s, kMostBody);
    value_ += s.substr(0, size);
    if (size < s.size()) bad_parameter();
    return size;
  }

  // White space may stand between tags; with any other text the mark was a part of the value.
  size_t behind_value(std::string_view s) {
    const size_t blank = s.size() - trim_left(s).size();
    pending_ += s.substr(0, blank);
    if (blank == s.size()) return blank;
    where_ = Where::value;
    add(pending_);
    return blank;
  }

  void bad_parameter() {
    drop();
    dropped_ = true;
    where_ = Where::inside;
  }

  // What was read since the section's beginning is content; after a call only the white space behind it.
  void refuse() {
    if (calls_ == 0) drop();
    if (!read_.empty()) sink_.content(read_);
    read_.clear();
    leave_section();
  }

  // `mark`: what ended the name. A call that stands without its section's marks has to name a tool of the request.
  void begin_call(std::string_view mark) {
    const std::string name = named(name_, words_.attributes).name;
    const bool known = !alone_ || words_.section.empty() || schemas_.empty() || schemas_.has(name);
    if (!is_name(name) || !known) {
      read_ += mark;
      return refuse();
    }
    name_ = name;
    sink_.call_begin({.name = name});
    ++calls_;
    members_ = 0;
    dropped_ = text_seen_ = false;
    where_ = Where::inside;
  }

  void end_parameter() {
    std::string_view value = value_;
    if (words_.lines) {
      if (value.starts_with('\n')) value.remove_prefix(1);
      if (value.ends_with('\n')) value.remove_suffix(1);
    }
    constexpr std::string_view kOpen = "<![CDATA[", kClose = "]]>";
    if (value.starts_with(kOpen) && value.ends_with(kClose) && value.size() >= kOpen.size() + kClose.size())
      value = value.substr(kOpen.size(), value.size() - kOpen.size() - kClose.size());
    const Named key = named(key_, words_.attributes);
    const bool string = key.type == "string" && schemas_.part(name_, key.name).kinds() == 0;
    sink_.call_arguments((members_++ == 0 ? "{" : ", ") + json_quoted(key.name) + ": " +
                         (string ? json_quoted(value) : schemas_.value(name_, key.name, value)));
    where_ = Where::inside;
  }

  void end_call(bool complete) {
    if (complete) sink_.call_arguments(members_ == 0 ? "{}" : "}");
    sink_.call_end(complete, complete);
    read_.clear();
    where_ = Where::between;
  }

  // The arguments are one object. False: it goes on behind this mark.
  bool end_json() {
    auto object = literal_to_json(value_, Literals::json);
    if (!object) object = literal_to_json(value_, Literals::python);
    if (!object) return false;
    sink_.call_arguments(*object);
    sink_.call_end(true, true);
    read_.clear();
    where_ = Where::between;
    return true;
  }

  void section_marker(const Marker& m) override {
    const Where where = where_;
    switch (m.id) {
      case kParameterEnd:
        pending_ = m.text;
        where_ = Where::closed;
        return;
      case kKeyEnd:
        where_ = words_.value.empty() ? Where::value : Where::gap;
        value_.clear();
        return;
      case kValue:
        where_ = Where::value;
        return;
      case kObject:
        return;
      case kNameEnd:
        if (!words_.name_end.empty() || !trim(name_).empty()) return begin_call(m.text);
        read_ += m.text;  // a line feed before the name
        return;
      default:
        break;
    }
    if (where == Where::value) {
      pending_ = m.text;
      where_ = Where::ended;
      return;
    }
    if (where == Where::json) {
      if (!end_json()) add(m.text);
      return after_json(m);
    }
    if (where == Where::name) {
      begin_call({});
      if (!in_section()) return again(m.text);
    }
    if (where == Where::closed || where == Where::ended) end_parameter();
    if (where == Where::ended) end_call(true);
    structure(m);
  }

  void after_json(const Marker& m) {
    if (where_ == Where::between && m.id == kSectionEnd) leave_section();
  }

  // A mark outside of a value.
  void structure(const Marker& m) {
    if (m.id == kParameter) {
      where_ = Where::key;
      key_.clear();
    } else if (m.id == kCall) {
      read_ += m.text;
      begin_name();
    } else if (m.id == kSectionBegin) {
      section_begin({}, m.text);
    } else {
      if (where_ != Where::between) end_call(true);
      if (m.id == kSectionEnd) {
        if (calls_ == 0) drop();
        leave_section();
      }
    }
  }

  void section_end_of_text() override {
    if (where_ == Where::closed || where_ == Where::ended) {
      const bool whole = where_ == Where::ended;
      end_parameter();
      end_call(whole);
      if (!whole || !alone_) truncate();
      return;
    }
    if (where_ == Where::json && end_json()) {
      if (!alone_) truncate();
      return;
    }
    if (where_ == Where::name || (where_ == Where::between && calls_ == 0)) {
      drop();
    } else if (where_ != Where::between) {
      end_call(false);
    } else if (alone_) {
      return;
    }
    truncate();
  }

  const TaggedWords& words_;
  ToolSchemas schemas_;
  std::array<std::vector<Marker>, kPlaces> markers_;
  Where where_ = Where::between;
  bool alone_ = false;                // no section's mark began it
  bool dropped_ = false;              // a parameter of this call was dropped
  bool text_seen_ = false;            // of this call, which is no tag: an object behind it is none either
  uint32_t calls_ = 0, members_ = 0;  // of this section, of this call
  std::string read_;                  // since the section began, or since its last call
  std::string name_, key_, value_;
  std::string pending_;  // the mark behind a value, and white space
};

}  // namespace

FamilyPtr make_tagged(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<TaggedFamily>(tagged_words(format), options, sink);
}

}  // namespace jamsu::text
