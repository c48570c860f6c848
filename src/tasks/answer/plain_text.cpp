#include "tasks/answer/plain_text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace jamsu::tasks {
namespace {

using Spelling = std::pair<std::string_view, std::string_view>;

constexpr char kDollar = '\x02';  // a `\$`, until LaTeX's own dollars are gone

// Joints first, since their bytes are what `kJoint` is.
constexpr auto kCharacters = std::to_array<Spelling>({
    {"\u00A0", "\x01"}, {"\u2007", "\x01"}, {"\u2009", "\x01"}, {"\u202F", "\x01"},  // spaces within numbers
    {"\u3000", " "},    {"\u3002", ". "},   {"\u2212", "-"},    {"\uFE63", "-"},    {"\u2010", "-"}, {"\u2011", "-"},
    {"\u2012", "-"},    {"\u2013", "-"},    {"\u2014", "-"},    {"\u2044", "/"},    {"\u2215", "/"}, {"\u2019", "'"},
    {"\uFFE6", "₩"},    {"\uFFE5", "¥"},    {"\uFFE1", "£"},    {"\u22C5", "×"},    {"\u2217", "×"}, {"\u2248", "="},
});

constexpr auto kFractions = std::to_array<Spelling>({
    {"½", "1/2"},
    {"⅓", "1/3"},
    {"⅔", "2/3"},
    {"¼", "1/4"},
    {"¾", "3/4"},
    {"⅕", "1/5"},
    {"⅖", "2/5"},
    {"⅗", "3/5"},
    {"⅘", "4/5"},
    {"⅙", "1/6"},
    {"⅚", "5/6"},
    {"⅐", "1/7"},
    {"⅛", "1/8"},
    {"⅜", "3/8"},
    {"⅝", "5/8"},
    {"⅞", "7/8"},
    {"⅑", "1/9"},
    {"⅒", "1/10"},
});

constexpr auto kSuperscripts = std::to_array<Spelling>({
    {"⁰", "0"},
    {"¹", "1"},
    {"²", "2"},
    {"³", "3"},
    {"⁴", "4"},
    {"⁵", "5"},
    {"⁶", "6"},
    {"⁷", "7"},
    {"⁸", "8"},
    {"⁹", "9"},
    {"⁻", "-"},
});

// What a command of LaTeX prints. Those whose argument is what counts (`\text{...}`) print nothing themselves.
constexpr auto kCommands = std::to_array<Spelling>({
    {"text", ""},         {"textbf", ""},    {"textit", ""},   {"textrm", ""},       {"mathrm", ""}, {"mathbf", ""},
    {"mathit", ""},       {"mathsf", ""},    {"mbox", ""},     {"operatorname", ""}, {"left", ""},   {"right", ""},
    {"displaystyle", ""}, {"textstyle", ""}, {"big", ""},      {"Big", ""},          {"bigl", ""},   {"bigr", ""},
    {"circ", "°"},        {"degree", "°"},   {"times", "×"},   {"cdot", "×"},        {"div", "÷"},   {"approx", "="},
    {"quad", " "},        {"qquad", " "},    {"newline", " "},
});

// Of a command that is one sign: `\,` and its kind.
constexpr auto kSigns = std::to_array<std::pair<char, std::string_view>>({
    {',', "\x01"},
    {'!', ""},
    {';', " "},
    {':', " "},
    {' ', " "},
    {'(', ""},
    {')', ""},
    {'[', ""},
    {']', ""},
    {'%', "%"},
    {'#', "#"},
    {'&', "&"},
    {'_', "_"},
    {'{', "("},
    {'}', ")"},
    {'\\', " "},
    {'$', "\x02"},
});

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <size_t N>
const Spelling* begins_with(const std::array<Spelling, N>& table, std::string_view text) {
  for (const Spelling& row : table)
    if (text.starts_with(row.first)) return &row;
  return nullptr;
}

// The argument of a command at `at`: `{...}` with what is nested, or one character. Empty optional: a brace not closed.
std::optional<std::string_view> argument(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  if (at >= text.size()) return std::nullopt;
  if (text[at] != '{') return text.substr(at++, 1);
  int depth = 0;
  for (size_t i = at; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) {
      const std::string_view inside = text.substr(at + 1, i - at - 1);
      at = i + 1;
      return inside;
    }
  }
  return std::nullopt;
}

// Of `-3` and `12` alone can a fraction be made by putting them beside a slash.
bool is_short(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty()) return false;
  for (char c : text)
    if (!is_digit(c) && c != ',' && c != '.') return false;
  return true;
}

class Writer {
 public:
  explicit Writer(std::string_view text) : text_(text) {}
  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    const std::string_view rest = text_.substr(at_);
    if (rest[0] == '\\') return command();
    if (const Spelling* row = begins_with(kCharacters, rest)) return put(row->first.size(), row->second);
    if (const Spelling* row = begins_with(kFractions, rest)) return fraction(row->first.size(), row->second);
    if (const Spelling* row = begins_with(kSuperscripts, rest)) {
      if (!superscript_) out_ += '^';
      put(row->first.size(), row->second);
      superscript_ = true;
      return;
    }
    // U+FF01 to U+FF5E: ASCII, wide.
    if (rest.size() >= 3 && rest[0] == '\xEF' && (rest[1] == '\xBC' || rest[1] == '\xBD')) {
      const unsigned code = 0xFF00u + (rest[1] == '\xBC' ? 0u : 0x40u) + (static_cast<unsigned char>(rest[2]) & 0x3Fu);
      if (code > 0xFF00 && code < 0xFF5F) {
        const char narrow = static_cast<char>(code - 0xFF00 + 0x20);
        return put(3, {&narrow, 1});
      }
    }
    if (rest.starts_with("**") || rest.starts_with("__") || rest.starts_with("{,}"))
      return put(rest[0] == '{' ? 3 : 2, rest[0] == '{' ? "," : "");
    switch (rest[0]) {
      case '`':
      case '{':
      case '}':
        return put(1, "");
      case '~':
      case '\t':
        return put(1, " ");
      case '$':
        return dollar();
      default:
        return put(1, rest.substr(0, 1));
    }
  }

  void put(size_t read, std::string_view written) {
    superscript_ = false;
    at_ += read;
    out_ += written;
  }

  void fraction(size_t read, std::string_view written) {
    const bool mixed = !out_.empty() && is_digit(out_.back());
    put(read, mixed ? " " : "");
    out_ += written;
  }

  // LaTeX's dollars, by the rule of Markdown's readers: the one that opens has no space behind it, the one that closes
  // none before it and no digit behind it. Any other is money's.
  void dollar() {
    if (text_.substr(at_).starts_with("$$")) return put(2, "");
    if (closing_ == at_ && at_ > 0) return put(1, "");
    const size_t line = std::min(text_.find('\n', at_), text_.size());
    if (at_ + 1 < line && text_[at_ + 1] != ' ') {
      for (size_t i = text_.find('$', at_ + 1); i < line; i = text_.find('$', i + 1)) {
        const bool escaped = text_[i - 1] == '\\', space = text_[i - 1] == ' ';
        const bool digit = i + 1 < text_.size() && is_digit(text_[i + 1]);
        if (escaped) continue;
        if (space || digit) break;
        closing_ = i;
        return put(1, "");
      }
    }
    put(1, "$");
  }

  void command() {
    size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    if (name.empty()) {
      for (const auto& [sign, printed] : kSigns)
        if (end < text_.size() && text_[end] == sign) return put(2, printed);
      return put(1, "\\");
    }
    if (name.ends_with("frac") && name.size() <= 5) return latex_fraction(end);  // \\dfrac, \\tfrac, \\cfrac
    for (const auto& [known, printed] : kCommands) {
      if (known != name) continue;
      if (printed == "°" && out_.ends_with('^')) out_.pop_back();
      return put(end - at_, printed);
    }
    put(end - at_, text_.substr(at_, end - at_));
  }

  void latex_fraction(size_t end) {
    size_t at = end;
    const auto above = argument(text_, at);
    const auto below = above ? argument(text_, at) : std::nullopt;
    if (!below) return put(end - at_, "\\frac");
    const std::string numerator = plain_text_of(*above), denominator = plain_text_of(*below);
    if (is_short(numerator) && is_short(denominator)) return fraction(at - at_, numerator + "/" + denominator);
    put(at - at_, "(" + numerator + ")/(" + denominator + ")");
  }

  // Nested fractions are no numbers that anybody answers with: they need no depth.
  static std::string plain_text_of(std::string_view inside) {
    return inside.find("frac") == std::string_view::npos ? plain_text(inside) : std::string(inside);
  }

  std::string_view text_;
  std::string out_;
  size_t at_ = 0, closing_ = 0;
  bool superscript_ = false;
};

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out = Writer(text).run();
  for (char& c : out)
    if (c == kDollar) c = '$';
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n' || text.front() == '\r' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace jamsu::tasks
