// Filters on text.
#include <fmt/format.h>

#include <algorithm>

#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/strings.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

Value like(Interpreter& in, const Value& value, std::string text) {
  return in.string(std::move(text), value.safe());
}

template <std::string (*map)(Budget&, std::string_view)>
Value mapped(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("filter", arguments, {});
  return like(in, value, map(in.budget(), in.text(value)));
}

// Capital letters behind white space, - ( { [ and <, not behind every sign as str.title has it.
std::string title_words(Budget& budget, std::string_view text) {
  std::string out;
  size_t word = 0;
  const auto take = [&](size_t end) {
    if (end == word) return;
    const size_t n = unicode::decode_valid(text.data() + word).bytes;
    out += upper(budget, text.substr(word, n));
    out += lower(budget, text.substr(word + n, end - word - n));
  };
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    const bool splits = is_python_space(d.c) || std::u32string_view(U"-({[<").find(d.c) != std::u32string_view::npos;
    if (splits) {
      take(at);
      out += text.substr(at, d.bytes);
      word = at + d.bytes;
    }
    at += d.bytes;
  }
  take(text.size());
  return out;
}

Value trim(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("trim", arguments, {"chars"});
  const std::string text = in.text(value);
  in.budget().work(text.size());
  if (!p.has(0) || p[0].is_none()) return like(in, value, std::string(strip(text, Sides::both)));
  const std::string chars = p.text(0);
  in.budget().work(text.size() * std::min<size_t>(chars.size(), 1000));
  return like(in, value, std::string(strip(text, Sides::both, &chars)));
}

Value replaces(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("replace", arguments, {"old", "new", "count"}, 2);
  const int64_t most = p.has(2) && !p[2].is_none() ? p.integer(2) : -1;
  std::string text = in.text(value);
  bool safe = in.autoescape() && value.safe();
  if (in.autoescape() && !value.safe() && (p[0].safe() || p[1].safe())) {
    text = escape_html(in.budget(), text);
    safe = true;
  }
  const auto part = [&](size_t i) {
    return safe && !p[i].safe() ? escape_html(in.budget(), in.text(p[i])) : in.text(p[i]);
  };
  return in.string(replace(in.budget(), text, in.text(p[0]), part(1), most), safe);
}

Value indent(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("indent", arguments, {"width", "first", "blank"});
  std::string indention;
  if (p.has(0) && p[0].is_string()) {
    indention = p[0].text();
  } else {
    indention = pad(in.budget(), "", p.integer(0, 4), " ", 1);
  }
  if (value.is_undefined()) fail_undefined(value);
  if (value.is(Kind::list)) fail("AttributeError", "'list' object has no attribute 'splitlines'");
  if (!value.is_string()) fail("TypeError", "unsupported operand type(s) for +=: '" + type_name(value) + "' and 'str'");
  const std::string text = value.text() + "\n";
  const std::vector<std::string_view> lines = splitlines(in.budget(), text, false);
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    in.budget().require(out.size() + indention.size() + lines[i].size());
    in.budget().work(indention.size() + lines[i].size());
    if (i) out += '\n';
    const bool wanted = i == 0 ? p.flag(1) : p.flag(2) || !lines[i].empty();
    if (wanted) out += indention;
    out += lines[i];
  }
  return like(in, value, std::move(out));
}

Value truncate(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const int64_t length = p.integer(0, 255), leeway = p.has(3) && !p[3].is_none() ? p.integer(3) : 5;
  const std::string end = p.text(2, "...");
  const int64_t end_length = count_characters(end);
  if (length < end_length || leeway < 0) fail("AssertionError", "truncate: the length is below that of the end");
  if (length_of(in.budget(), value) <= length + leeway) return value;
  if (!value.is_string()) {  // what has a length and is no text is cut as Python cuts it: not at all
    const bool slices = value.is(Kind::list) || value.is(Kind::tuple) || value.is(Kind::range);
    if (slices && !p.flag(1)) fail("AttributeError", "'" + type_name(value) + "' object has no attribute 'rsplit'");
    fail("TypeError", slices ? "can only concatenate " + type_name(value) + " (not \"str\") to " + type_name(value)
                             : "'" + type_name(value) + "' object is not subscriptable");
  }
  std::string cut = value.text().substr(0, offset_of(value.text(), length - end_length));
  if (!p.flag(1)) cut = cut.substr(0, cut.rfind(' '));
  return like(in, value, cut + end);
}

// textwrap.wrap of one line: words and the white space between them, filled greedily.
class Wrapper {
 public:
  Wrapper(Budget& budget, int64_t width, bool break_long, bool break_hyphens)
      : budget_(budget), width_(width), break_long_(break_long), break_hyphens_(break_hyphens) {}

  std::vector<std::string> run(std::string_view line) {
    std::vector<std::string> out;
    std::string now;
    int64_t length = 0;
    for (std::string_view chunk : chunks(line)) {
      budget_.step();
      const bool white = is_python_space(unicode::decode_valid(chunk.data()).c);
      if (white && now.empty() && !out.empty()) continue;
      int64_t size = count_characters(chunk);
      if (!now.empty() && length + size > width_) {
        if (!white && break_long_ && size > width_ && length < width_) {
          const size_t part = offset_of(chunk, width_ - length);
          now += chunk.substr(0, part);
          chunk.remove_prefix(part);
        }
        finish(out, now);
        length = 0;
        if (white) continue;
        size = count_characters(chunk);
      }
      while (break_long_ && size > width_) {
        const size_t part = offset_of(chunk, width_);
        out.emplace_back(chunk.substr(0, part));
        chunk.remove_prefix(part);
        size -= width_;
        budget_.step();
      }
      now += chunk;
      length += size;
    }
    finish(out, now);
    return out;
  }

 private:
  void finish(std::vector<std::string>& out, std::string& now) const {
    const std::string_view kept = strip(now, Sides::right);
    if (!kept.empty()) out.emplace_back(kept);
    now.clear();
  }

  std::vector<std::string_view> chunks(std::string_view line) const {
    std::vector<std::string_view> out;
    size_t begin = 0;
    bool white = false;
    char32_t last = 0;
    for (size_t at = 0; at < line.size();) {
      const unicode::Decoded d = unicode::decode_valid(line.data() + at);
      const bool now_white = is_python_space(d.c);
      const bool behind_hyphen = break_hyphens_ && last == '-' && at >= begin + 2 && unicode::is_word(d.c);
      if (at > begin && (now_white != white || behind_hyphen)) {
        out.push_back(line.substr(begin, at - begin));
        begin = at;
      }
      white = now_white;
      last = d.c;
      at += d.bytes;
    }
    if (begin < line.size()) out.push_back(line.substr(begin));
    return out;
  }

  Budget& budget_;
  const int64_t width_;
  const bool break_long_, break_hyphens_;
};

Value wordwrap(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("wordwrap", arguments, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const int64_t width = p.integer(0, 79);
  if (width <= 0) fail("ValueError", "invalid width (must be > 0)");
  const std::string wrap = p.has(2) && !p[2].is_none() ? p.text(2) : "\n";
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_string()) fail("AttributeError", "'" + type_name(value) + "' object has no attribute 'splitlines'");
  const std::string& text = value.text();
  Wrapper wrapper(in.budget(), width, p.flag(1, true), p.flag(3, true));
  std::string out;
  bool first_line = true;
  for (const std::string_view line : splitlines(in.budget(), text, false)) {
    if (!first_line) out += wrap;
    first_line = false;
    bool first = true;
    for (const std::string& part : wrapper.run(line)) {
      in.budget().require(out.size() + wrap.size() + part.size());
      in.budget().work(wrap.size() + part.size());
      if (!first) out += wrap;
      first = false;
      out += part;
    }
  }
  return like(in, value, std::move(out));
}

Value wordcount(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("wordcount", arguments, {});
  const std::string text = in.text(value);
  in.budget().work(text.size());
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    const bool word =
        d.c == '_' || ((unicode::kLetter | unicode::kNumber) >> static_cast<int>(unicode::category(d.c)) & 1) != 0;
    count += word && !inside;
    inside = word;
    at += d.bytes;
  }
  return Value::integer(count);
}

Value center(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("center", arguments, {"width"});
  return like(in, value, pad(in.budget(), in.text(value), p.integer(0, 80), " ", 0));
}

Value formats(Interpreter& in, const Value& value, Arguments& arguments) {
  const std::string text = in.text(value);
  if (arguments.named.empty()) return like(in, value, format_percent(in, text, in.tuple(arguments.positional)));
  if (!arguments.positional.empty())
    fail("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  auto names = std::make_shared<DictObject>(&in.budget());
  for (const auto& [key, item] : arguments.named) names->set(in.string(key), item);
  return like(in, value, format_percent(in, text, Value::of(Kind::dict, std::move(names))));
}

Value to_string(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("string", arguments, {});
  return value.is_string() ? value : in.string(in.text(value));
}

Value escape(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("escape", arguments, {});
  return value.safe() ? value : in.string(escape_html(in.budget(), in.text(value)), true);
}
Value force_escape(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("forceescape", arguments, {});
  return in.string(escape_html(in.budget(), in.text(value)), true);
}
Value safe(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("safe", arguments, {});
  return in.string(in.text(value), true);
}

Value striptags(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("striptags", arguments, {});
  std::string text = in.text(value);
  in.budget().work(3 * text.size());
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"<!--", "-->"}, {"<", ">"}}) {
    std::string out;
    size_t at = 0;
    while (true) {
      const size_t begin = text.find(open, at);
      const size_t end = begin == kNone ? kNone : text.find(close, begin + (open.size() == 1 ? 1 : open.size()));
      if (end == kNone) break;
      out.append(text, at, begin - at);
      at = end + close.size();
    }
    text = out + text.substr(at);
  }
  std::string joined;
  for (const std::string_view word : split(in.budget(), text, nullptr, -1, false)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&#34;", "\""}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, sign] : kEntities) joined = replace(in.budget(), joined, entity, sign);
  return in.string(std::move(joined));
}

std::string quoted_url(Budget& budget, std::string_view text, bool query) {
  budget.work(3 * text.size());
  budget.require(3 * text.size());
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~").find(c) != kNone;
    if (plain || (c == '/' && !query)) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
    }
  }
  return out;
}

Value urlencode(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("urlencode", arguments, {});
  const bool many = value.is_dict() || (value.is_sequence() && !value.is_string());
  if (!many) return in.string(quoted_url(in.budget(), in.text(value), false));
  std::string out;
  const auto add = [&](const Value& key, const Value& item) {
    if (!out.empty()) out += '&';
    out += quoted_url(in.budget(), in.text(key), true) + "=" + quoted_url(in.budget(), in.text(item), true);
    in.budget().require(out.size());
  };
  if (value.is_dict()) {
    for (const auto& [key, item] : value.entries().entries) add(key, item);
    return in.string(std::move(out));
  }
  for (const Value& pair : in.iterate(value)) {
    const std::vector<Value> parts = in.iterate(pair);
    if (parts.size() != 2) fail("ValueError", "not enough values to unpack (expected 2)");
    add(parts[0], parts[1]);
  }
  return in.string(std::move(out));
}

Value urlize(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("urlize", arguments, {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"});
  const std::string text = escape_html(in.budget(), in.text(value));
  const std::string rel = p.flag(1) ? "nofollow noopener" : "noopener";
  const std::string target =
      p.has(2) && !p[2].is_none() ? " target=\"" + escape_html(in.budget(), p.text(2)) + "\"" : "";
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \t\n\r", at), text.size());
    std::string_view word = std::string_view(text).substr(at, end - at);
    const bool link =
        word.starts_with("http://") || word.starts_with("https://") || (word.starts_with("www.") && word.size() > 4);
    if (link) {
      const std::string_view tail = word.substr(word.find_last_not_of(".,)") + 1);
      word.remove_suffix(tail.size());
      std::string shown(word);
      if (p.has(0) && !p[0].is_none() && count_characters(word) > p.integer(0))
        shown = std::string(word.substr(0, offset_of(word, p.integer(0)))) + "...";
      out += fmt::format("<a href=\"{}{}\" rel=\"{}\"{}>{}</a>{}", word.starts_with("www.") ? "https://" : "", word,
                         rel, target, shown, tail);
    } else {
      out += word;
    }
    if (end < text.size()) out += text[end];
    at = end + 1;
    in.budget().require(out.size());
    in.budget().step();
  }
  return in.string(std::move(out), in.autoescape());
}

Value pprint(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound p("pprint", arguments, {});
  std::string out;
  append_repr(in.budget(), out, value);
  return in.string(std::move(out));
}

struct Named {
  std::string_view name;
  FilterBody body;
};
constexpr Named kFilters[] = {
    {"trim", trim},
    {"upper", mapped<upper>},
    {"lower", mapped<lower>},
    {"capitalize", mapped<capitalize>},
    {"title", mapped<title_words>},
    {"replace", replaces},
    {"string", to_string},
    {"indent", indent},
    {"truncate", truncate},
    {"wordwrap", wordwrap},
    {"wordcount", wordcount},
    {"center", center},
    {"format", formats},
    {"escape", escape},
    {"e", escape},
    {"forceescape", force_escape},
    {"safe", safe},
    {"striptags", striptags},
    {"urlencode", urlencode},
    {"urlize", urlize},
    {"pprint", pprint},
};

}  // namespace

FilterBody find_text_filter(std::string_view name) {
  for (const Named& filter : kFilters)
    if (filter.name == name) return filter.body;
  return nullptr;
}

}  // namespace jamsu::jinja
