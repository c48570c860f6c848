// Methods of strings. Those of Markup stay Markup.
#include <algorithm>

#include "jinja/format.h"
#include "jinja/objects.h"
#include "jinja/strings.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

Value like(Interpreter& in, const Value& self, std::string text) {
  return in.string(std::move(text), self.safe());
}
Value like(Interpreter& in, const Value& self, std::string_view text) {
  in.budget().require(text.size());
  return in.string(std::string(text), self.safe());
}
Value list_like(Interpreter& in, const Value& self, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(like(in, self, part));
  return in.list(std::move(items));
}

template <std::string (*map)(Budget&, std::string_view)>
Value mapped(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("str method", arguments, {});
  return like(in, self, map(in.budget(), self.text()));
}

template <Sides sides>
Value stripped(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("strip", arguments, {"chars"});
  in.budget().work(self.text().size());
  if (!p.has(0) || p[0].is_none()) return like(in, self, strip(self.text(), sides));
  const std::string chars = p.text(0);
  in.budget().work(self.text().size() * std::min<size_t>(chars.size(), 1000));
  return like(in, self, strip(self.text(), sides, &chars));
}

template <bool from_right>
Value splits(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("split", arguments, {"sep", "maxsplit"});
  const int64_t most = p.integer(1, -1);
  if (!p.has(0) || p[0].is_none())
    return list_like(in, self, split(in.budget(), self.text(), nullptr, most, from_right));
  const std::string separator = p.text(0);
  return list_like(in, self, split(in.budget(), self.text(), &separator, most, from_right));
}

Value split_lines(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("splitlines", arguments, {"keepends"});
  return list_like(in, self, splitlines(in.budget(), self.text(), p.flag(0)));
}

template <bool from_right>
Value partitions(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("partition", arguments, {"sep"}, 1);
  const std::string separator = p.text(0);
  if (separator.empty()) fail("ValueError", "empty separator");
  const std::string_view text = self.text();
  const size_t at = from_right ? rfind_in(in.budget(), text, separator) : find_in(in.budget(), text, separator);
  std::string_view parts[3] = {text, "", ""};
  if (at != kNone) {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  } else if (from_right) {
    std::swap(parts[0], parts[2]);
  }
  return in.tuple({like(in, self, parts[0]), like(in, self, parts[1]), like(in, self, parts[2])});
}

// text[start:stop] of parameters 1 and 2; `offset`: characters before it. False: it starts behind the end.
bool part_of(Interpreter& in, const Bound& p, std::string_view text, std::string_view& part, int64_t& offset) {
  offset = 0;
  part = text;
  if (!p.has(1) && !p.has(2)) return true;
  in.budget().work(text.size());
  const int64_t length = count_characters(text);
  const auto place = [&](size_t i, int64_t other) {
    if (!p.has(i) || p[i].is_none()) return other;
    const int64_t at = p.integer(i);
    return at < 0 ? std::max<int64_t>(0, at + length) : at;
  };
  const int64_t start = place(1, 0), stop = std::min(length, place(2, length));
  if (start > length) return false;
  offset = start;
  const size_t begin = offset_of(text, start);
  part = text.substr(begin, stop > start ? offset_of(text.substr(begin), stop - start) : 0);
  return stop >= start;
}

template <bool from_right, bool must>
Value finds(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("find", arguments, {"sub", "start", "end"}, 1);
  const std::string wanted = p.text(0);
  std::string_view part;
  int64_t offset = 0;
  if (part_of(in, p, self.text(), part, offset)) {
    const size_t at = from_right ? rfind_in(in.budget(), part, wanted) : find_in(in.budget(), part, wanted);
    if (at != kNone) return Value::integer(offset + count_characters(part.substr(0, at)));
  }
  if (must) fail("ValueError", "substring not found");
  return Value::integer(-1);
}

Value counts(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("count", arguments, {"sub", "start", "end"}, 1);
  std::string_view part;
  int64_t offset = 0;
  if (!part_of(in, p, self.text(), part, offset)) return Value::integer(0);
  return Value::integer(count_in(in.budget(), part, p.text(0)));
}

template <bool at_end>
Value begins(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("startswith", arguments, {"prefix", "start", "end"}, 1);
  std::string_view part;
  int64_t offset = 0;
  const bool inside = part_of(in, p, self.text(), part, offset);
  const auto fits = [&](const Value& wanted) {
    if (wanted.is_undefined()) fail_undefined(wanted);
    if (!wanted.is_string())
      fail("TypeError", "startswith first arg must be str or a tuple of str, not " + type_name(wanted));
    in.budget().work(wanted.text().size());
    return at_end ? part.ends_with(wanted.text()) : part.starts_with(wanted.text());
  };
  if (!inside) return Value::boolean(false);
  if (!p[0].is(Kind::tuple)) return Value::boolean(fits(p[0]));
  return Value::boolean(std::any_of(p[0].items().begin(), p[0].items().end(), fits));
}

Value replaces(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("replace", arguments, {"old", "new", "count"}, 2);
  return like(in, self, replace(in.budget(), self.text(), p.text(0), p.text(1), p.integer(2, -1)));
}

Value joins(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("join", arguments, {"iterable"}, 1);
  std::string out;
  const std::vector<Value> items = in.iterate(p[0]);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string())
      fail("TypeError",
           "sequence item " + std::to_string(i) + ": expected str instance, " + type_name(items[i]) + " found");
    in.budget().require(out.size() + self.text().size() + items[i].text().size());
    in.budget().work(self.text().size() + items[i].text().size());
    if (i) out += self.text();
    out += items[i].text();
  }
  return like(in, self, std::move(out));
}

template <int where>
Value padded(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("center", arguments, {"width", "fillchar"}, 1);
  const std::string fill = p.text(1, " ");
  if (count_characters(fill) != 1) fail("TypeError", "The fill character must be exactly one character long");
  return like(in, self, pad(in.budget(), self.text(), p.integer(0), fill, where));
}

Value zero_filled(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("zfill", arguments, {"width"}, 1);
  const std::string& text = self.text();
  const bool sign = text.starts_with('-') || text.starts_with('+');
  return like(in, self,
              text.substr(0, sign) + pad(in.budget(), std::string_view(text).substr(sign),
                                         std::min(p.integer(0), INT64_MAX / 2) - sign, "0", 1));
}

template <bool at_end>
Value removes(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("removeprefix", arguments, {"prefix"}, 1);
  std::string_view text = self.text();
  const std::string part = p.text(0);
  if (at_end && text.ends_with(part)) text.remove_suffix(part.size());
  if (!at_end && text.starts_with(part)) text.remove_prefix(part.size());
  return like(in, self, text);
}

Value expands_tabs(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("expandtabs", arguments, {"tabsize"});
  const int64_t size = p.integer(0, 8);
  if (size > 1'000'000) fail("LimitError", "a width is too large");
  std::string out;
  int64_t column = 0;
  in.budget().work(self.text().size());
  for (const char c : self.text()) {
    if (c == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
      in.budget().require(out.size());
      in.budget().work(static_cast<size_t>(spaces));
      continue;
    }
    out += c;
    if (!unicode::is_utf8_continuation(c)) ++column;
    if (c == '\n' || c == '\r') column = 0;
  }
  return like(in, self, std::move(out));
}

Value formats(Interpreter& in, const Value& self, Arguments& arguments) {
  return like(in, self, format_braces(in, self.text(), arguments));
}

Value formats_map(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("format_map", arguments, {"mapping"}, 1);
  if (!p[0].is_dict()) fail("TypeError", "format_map() argument must be a dict");
  Arguments named;
  for (const auto& [key, value] : p[0].entries().entries)
    if (key.is_string()) named.named.emplace_back(key.text(), value);
  return like(in, self, format_braces(in, self.text(), named));
}

Value encodes(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("encode", arguments, {"encoding", "errors"});
  std::string encoding = lower(in.budget(), p.text(0, "utf-8"));
  std::replace(encoding.begin(), encoding.end(), '_', '-');
  if (encoding != "utf-8" && encoding != "utf8") fail("LookupError", "unknown encoding");
  return Value::of(Kind::object, std::make_shared<BytesObject>(&in.budget(), self.text()));
}

// A dict from code points to code points, texts or None (left out).
Value translates(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("translate", arguments, {"table"}, 1);
  std::string out;
  for (size_t at = 0; at < self.text().size();) {
    const unicode::Decoded d = unicode::decode_valid(self.text().data() + at);
    in.budget().step();
    in.budget().require(out.size());
    const Value* to = p[0].is_dict() ? p[0].entries().find(Value::integer(static_cast<int64_t>(d.c))) : nullptr;
    if (!to) {
      out += std::string_view(self.text()).substr(at, d.bytes);
    } else if (to->is_string()) {
      out += to->text();
    } else if (to->is_small()) {
      const int64_t c = to->small();
      if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        fail("ValueError", "character mapping must be in range(0x110000)");
      unicode::append_utf8(out, static_cast<char32_t>(c));
    } else if (!to->is_none()) {
      fail("TypeError", "character mapping must return integer, None or str");
    }
    at += d.bytes;
  }
  return like(in, self, std::move(out));
}

std::vector<int64_t> code_points(const std::string& text) {
  std::vector<int64_t> out;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    out.push_back(static_cast<int64_t>(d.c));
    at += d.bytes;
  }
  return out;
}

Value makes_trans(Interpreter& in, const Value&, Arguments& arguments) {
  const Bound p("maketrans", arguments, {"x", "y", "z"}, 1);
  auto table = std::make_shared<DictObject>(&in.budget());
  if (!p.has(1)) {
    if (!p[0].is_dict()) fail("TypeError", "if you give only one argument to maketrans it must be a dict");
    for (const auto& [key, value] : p[0].entries().entries) {
      const auto points = key.is_string() ? code_points(key.text()) : std::vector<int64_t>();
      if (key.is_string() && points.size() != 1)
        fail("ValueError", "string keys in translate table must be of length 1");
      table->set(key.is_string() ? Value::integer(points[0]) : key, value);
    }
    return Value::of(Kind::dict, std::move(table));
  }
  const std::vector<int64_t> from = code_points(p.text(0)), to = code_points(p.text(1));
  if (from.size() != to.size()) fail("ValueError", "the first two maketrans arguments must have equal length");
  for (size_t i = 0; i < from.size(); ++i) table->set(Value::integer(from[i]), Value::integer(to[i]));
  for (const int64_t c : code_points(p.text(2))) table->set(Value::integer(c), Value::none());
  return Value::of(Kind::dict, std::move(table));
}

template <bool (*test)(std::string_view)>
Value asks(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound p("str method", arguments, {});
  in.budget().work(10 * self.text().size());
  return Value::boolean(test(self.text()));
}

bool all_of(std::string_view text, CharacterTest test) {
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (!test(d.c)) return false;
    at += d.bytes;
  }
  return !text.empty();
}
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_alpha(std::string_view text) {
  return all_of(text, character_test("isalpha"));
}
bool is_alnum(std::string_view text) {
  return all_of(text, character_test("isalnum"));
}
bool is_digits(std::string_view text) {
  return all_of(text, character_test("isdigit"));
}
bool is_decimal(std::string_view text) {
  return all_of(text, character_test("isdecimal"));
}
bool is_numeric(std::string_view text) {
  return all_of(text, character_test("isnumeric"));
}
bool is_printable_text(std::string_view text) {
  return text.empty() || all_of(text, is_printable);
}
bool is_blank(std::string_view text) {
  return all_of(text, character_test("isspace"));
}

struct NamedMethod {
  std::string_view name;
  BuiltinBody body;
};
constexpr NamedMethod kMethods[] = {
    {"strip", stripped<Sides::both>},
    {"split", splits<false>},
    {"startswith", begins<false>},
    {"endswith", begins<true>},
    {"lstrip", stripped<Sides::left>},
    {"rstrip", stripped<Sides::right>},
    {"replace", replaces},
    {"join", joins},
    {"upper", mapped<upper>},
    {"lower", mapped<lower>},
    {"title", mapped<title>},
    {"capitalize", mapped<capitalize>},
    {"swapcase", mapped<swapcase>},
    {"casefold", mapped<casefold>},
    {"rsplit", splits<true>},
    {"splitlines", split_lines},
    {"partition", partitions<false>},
    {"rpartition", partitions<true>},
    {"find", finds<false, false>},
    {"rfind", finds<true, false>},
    {"index", finds<false, true>},
    {"rindex", finds<true, true>},
    {"count", counts},
    {"format", formats},
    {"format_map", formats_map},
    {"encode", encodes},
    {"zfill", zero_filled},
    {"center", padded<0>},
    {"ljust", padded<-1>},
    {"rjust", padded<1>},
    {"removeprefix", removes<false>},
    {"removesuffix", removes<true>},
    {"expandtabs", expands_tabs},
    {"isdigit", asks<is_digits>},
    {"isdecimal", asks<is_decimal>},
    {"isnumeric", asks<is_numeric>},
    {"isalpha", asks<is_alpha>},
    {"isalnum", asks<is_alnum>},
    {"isspace", asks<is_blank>},
    {"islower", asks<is_lower>},
    {"isupper", asks<is_upper>},
    {"istitle", asks<is_title>},
    {"isascii", asks<is_ascii>},
    {"isprintable", asks<is_printable_text>},
    {"isidentifier", asks<is_identifier>},
    {"translate", translates},
    {"maketrans", makes_trans},
};

}  // namespace

BuiltinBody find_string_method(std::string_view name) {
  for (const NamedMethod& method : kMethods)
    if (method.name == name) return method.body;
  return nullptr;
}

}  // namespace jamsu::jinja
