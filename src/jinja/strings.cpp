#include "jinja/strings.h"

#include <algorithm>
#include <cstring>

#include "jinja/value.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

size_t before(std::string_view text, size_t at) {  // the start of the character that ends at `at`
  do --at;
  while (at > 0 && unicode::is_utf8_continuation(text[at]));
  return at;
}

// Ends of lines as str.splitlines knows them; 0: none at `at`, else its bytes.
size_t line_end(std::string_view text, size_t at) {
  const unicode::Decoded d = unicode::decode_valid(text.data() + at);
  if (d.c == '\r') return text.substr(at, 2) == "\r\n" ? 2 : 1;
  const bool end = d.c == '\n' || d.c == 0x0B || d.c == 0x0C || (d.c >= 0x1C && d.c <= 0x1E) || d.c == 0x85 ||
                   d.c == 0x2028 || d.c == 0x2029;
  return end ? d.bytes : 0;
}

std::vector<std::string_view> split_space(std::string_view text, int64_t most, bool from_right) {
  std::vector<std::string_view> out;
  std::string_view rest = strip(text, Sides::both);
  while (!rest.empty()) {
    if (most >= 0 && static_cast<int64_t>(out.size()) >= most) {
      out.push_back(rest);
      break;
    }
    if (from_right) {
      size_t at = rest.size();
      while (at > 0 && !is_python_space(unicode::decode_valid(rest.data() + before(rest, at)).c)) at = before(rest, at);
      out.push_back(rest.substr(at));
      rest = strip(rest.substr(0, at), Sides::right);
    } else {
      size_t at = 0;
      for (unicode::Decoded d{}; at < rest.size(); at += d.bytes) {
        d = unicode::decode_valid(rest.data() + at);
        if (is_python_space(d.c)) break;
      }
      out.push_back(rest.substr(0, at));
      rest = strip(rest.substr(at), Sides::left);
    }
  }
  // With cuts to spare the rest keeps the white space on its far side, as str.split has it.
  if (most >= 0 && static_cast<int64_t>(out.size()) == most + 1 && !out.empty()) {
    const char* const begin = from_right ? text.data() : out.back().data();
    const char* const end = from_right ? out.back().data() + out.back().size() : text.data() + text.size();
    out.back() = strip({begin, static_cast<size_t>(end - begin)}, from_right ? Sides::right : Sides::left);
  }
  return out;
}

}  // namespace

bool is_python_space(char32_t c) {
  return unicode::is_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string_view strip(std::string_view text, Sides sides, const std::string* chars) {
  const auto strips = [&](size_t at) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    return chars ? chars->find(text.substr(at, d.bytes)) != kNone : is_python_space(d.c);
  };
  if (sides != Sides::right)
    while (!text.empty() && strips(0)) text.remove_prefix(unicode::decode_valid(text.data()).bytes);
  if (sides != Sides::left)
    while (!text.empty() && strips(before(text, text.size()))) text = text.substr(0, before(text, text.size()));
  return text;
}

size_t find_in(Budget& budget, std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return kNone;
  if (part.empty()) return from;
  // memmem is linear in glibc, std::string_view::find is not.
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  const size_t at = found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : kNone;
  budget.work((found ? at : text.size()) - from + part.size());
  return at;
}

size_t rfind_in(Budget& budget, std::string_view text, std::string_view part) {
  budget.require(text.size() + part.size());
  const std::string backwards(text.rbegin(), text.rend()), wanted(part.rbegin(), part.rend());
  const size_t at = find_in(budget, backwards, wanted);
  return at == kNone ? kNone : text.size() - at - part.size();
}

int64_t count_in(Budget& budget, std::string_view text, std::string_view part) {
  if (part.empty()) return count_characters(text) + 1;
  int64_t count = 0;
  for (size_t at = find_in(budget, text, part); at != kNone; at = find_in(budget, text, part, at + part.size()))
    ++count;
  return count;
}

std::string replace(Budget& budget, std::string_view text, std::string_view from, std::string_view to, int64_t most) {
  std::string out;
  const auto add = [&](std::string_view part) {
    budget.work(part.size());
    budget.require(out.size() + part.size());
    out += part;
  };
  if (from.empty()) {
    size_t at = 0;
    for (; most != 0; --most) {
      add(to);
      if (at >= text.size()) return out;
      const size_t n = unicode::decode_valid(text.data() + at).bytes;
      add(text.substr(at, n));
      at += n;
    }
    add(text.substr(at));
    return out;
  }
  size_t at = 0;
  for (; most != 0; --most) {
    const size_t found = find_in(budget, text, from, at);
    if (found == kNone) break;
    add(text.substr(at, found - at));
    add(to);
    at = found + from.size();
  }
  add(text.substr(at));
  return out;
}

std::string pad(Budget& budget, std::string_view text, int64_t width, std::string_view fill, int where) {
  budget.work(text.size());
  const int64_t length = count_characters(text), missing = std::max<int64_t>(0, width - length);
  const int64_t left = where < 0 ? 0 : where > 0 ? missing : missing / 2 + (missing & width & 1);
  if (static_cast<uint64_t>(missing) > budget.limits().memory_bytes) budget.require(budget.limits().memory_bytes + 1);
  budget.require(static_cast<size_t>(missing) * fill.size() + text.size());
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  budget.work(out.size());
  return out;
}

std::vector<std::string_view> split(Budget& budget, std::string_view text, const std::string* separator, int64_t most,
                                    bool from_right) {
  budget.work(text.size());
  std::vector<std::string_view> out;
  if (!separator) {
    out = split_space(text, most, from_right);
  } else if (separator->empty()) {
    fail("ValueError", "empty separator");
  } else if (from_right) {
    budget.require(text.size());
    const std::string backwards(text.rbegin(), text.rend()), wanted(separator->rbegin(), separator->rend());
    size_t at = 0;
    for (; most != 0; --most) {
      const size_t found = find_in(budget, backwards, wanted, at);
      if (found == kNone) break;
      out.push_back(text.substr(text.size() - found, found - at));
      at = found + wanted.size();
      budget.require(out.size() * sizeof(Value));
    }
    out.push_back(text.substr(0, text.size() - at));
  } else {
    size_t at = 0;
    for (; most != 0; --most) {
      const size_t found = find_in(budget, text, *separator, at);
      if (found == kNone) break;
      out.push_back(text.substr(at, found - at));
      at = found + separator->size();
      budget.require(out.size() * sizeof(Value));
    }
    out.push_back(text.substr(at));
  }
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> splitlines(Budget& budget, std::string_view text, bool keep_ends) {
  budget.work(text.size());
  std::vector<std::string_view> out;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = line_end(text, at);
    if (end == 0) {
      at += unicode::decode_valid(text.data() + at).bytes;
      continue;
    }
    out.push_back(text.substr(begin, at - begin + (keep_ends ? end : 0)));
    at += end;
    begin = at;
  }
  if (begin < text.size()) out.push_back(text.substr(begin));
  return out;
}

std::string escape_html(Budget& budget, std::string_view text) {
  budget.work(text.size());
  std::string out;
  for (const char c : text) {
    const std::string_view to = c == '&'    ? "&amp;"
                                : c == '<'  ? "&lt;"
                                : c == '>'  ? "&gt;"
                                : c == '\'' ? "&#39;"
                                : c == '"'  ? "&#34;"
                                            : "";
    if (to.empty()) {
      out += c;
    } else {
      out += to;
    }
    if ((out.size() & 0xFFFF) == 0) budget.require(out.size());
  }
  budget.require(out.size());
  return out;
}

}  // namespace jamsu::jinja
