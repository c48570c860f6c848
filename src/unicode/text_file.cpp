#include "unicode/text_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/input_file.h"
#include "unicode/utf8.h"

namespace jamsu::unicode {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kSample = size_t{1} << 20;  // bytes that a guess is made of

// What begins so is no text. In a cure {0} is the file's name, {1} the same as a shell reads it.
struct Signature {
  std::string_view bytes, what, cure;
};
constexpr std::array kSignatures = {
    Signature{
        "PAR1"sv, "a Parquet file",
        "python3 -c \"import pandas; pandas.read_parquet('{0}').to_json('{0}.jsonl', orient='records', lines=True, "
        "force_ascii=False)\""},
    Signature{
        "ARROW1"sv, "an Arrow file",
        "python3 -c \"import pandas; pandas.read_feather('{0}').to_json('{0}.jsonl', orient='records', lines=True, "
        "force_ascii=False)\""},
    Signature{"\x1F\x8B"sv, "a gzip file", "gunzip -k {1}"},
    Signature{"\x28\xB5\x2F\xFD"sv, "a Zstandard file", "zstd -dk {1}"},
    Signature{"\xFD"
              "7zXZ"sv,
              "an xz file", "unxz -k {1}"},
    Signature{"BZh"sv, "a bzip2 file", "bunzip2 -k {1}"},
    Signature{"PK\x03\x04"sv, "a ZIP archive (or an office document)", "unzip {1}"},
    Signature{"%PDF-"sv, "a PDF file", "pdftotext {1}"},
    Signature{"SQLite format 3\0"sv, "an SQLite database", ""},
    Signature{"\x7F"
              "ELF"sv,
              "a program", ""},
    Signature{"version https://git-lfs.github.com/spec/"sv, "a git-lfs pointer and not the file itself",
              "git lfs pull"},
};

struct Mark {
  std::string_view bytes, name;
};
// UTF-32's before UTF-16's, which begin them.
constexpr std::array kWideMarks = {Mark{"\xFF\xFE\0\0"sv, "UTF-32"}, Mark{"\0\0\xFE\xFF"sv, "UTF-32"},
                                   Mark{"\xFF\xFE"sv, "UTF-16"}, Mark{"\xFE\xFF"sv, "UTF-16"}};

// As a shell reads it.
std::string quoted(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           "_-./+,:@%="sv.find(c) != std::string_view::npos;
  });
  if (plain && !name.empty()) return std::string(name);
  std::string out = "'";
  for (const char c : name) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// "data/chats.jsonl" -> "data/chats.utf8.jsonl".
std::string converted_name(std::string_view name) {
  const size_t slash = name.rfind('/'), dot = name.rfind('.');
  const bool has_ending = dot != std::string_view::npos && (slash == std::string_view::npos || dot > slash);
  const size_t end = has_ending ? dot : name.size();
  return std::string(name.substr(0, end)) + ".utf8" + std::string(name.substr(end));
}

std::string iconv(std::string_view encoding, std::string_view options, std::string_view name) {
  return fmt::format("iconv {}-f {} -t UTF-8 {} > {}", options, encoding, quoted(name), quoted(converted_name(name)));
}

// UTF-16 or UTF-32 without a mark, by where the zeros of spaces, digits and signs stand; empty: neither.
std::string_view wide_without_mark(std::string_view bytes) {
  const std::string_view sample = bytes.substr(0, std::min(kSample, bytes.size()) & ~size_t{1});
  std::array<size_t, 4> zeros{};
  for (size_t i = 0; i < sample.size(); ++i) zeros[i % 4] += sample[i] == 0;
  const size_t quarter = sample.size() / 4;
  if (quarter > 0 && zeros[2] >= quarter && zeros[3] >= quarter) return "UTF-32LE";
  if (quarter > 0 && zeros[0] >= quarter && zeros[1] >= quarter) return "UTF-32BE";
  if (bytes.size() % 2 != 0) return {};
  size_t little = 0, big = 0;  // pairs that are a zero and a character of ASCII; a letter like U+AC00 is neither
  const auto is_ascii = [](char c) { return c != 0 && static_cast<unsigned char>(c) < 0x80; };
  for (size_t i = 0; i < sample.size(); i += 2) {
    little += is_ascii(sample[i]) && sample[i + 1] == 0;
    big += sample[i] == 0 && is_ascii(sample[i + 1]);
  }
  // What is UTF-8 with zeros in it would have to be plain Latin: every pair.
  const size_t enough = std::max<size_t>(1, sample.size() / (is_valid_utf8(sample) ? 4 : 40));
  if (little >= enough && little > 4 * big) return "UTF-16LE";
  if (big >= enough && big > 4 * little) return "UTF-16BE";
  return {};
}

bool is_high(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

// Korean of older Windows programs (EUC-KR and Microsoft's extension of it): pairs of bytes, most of them syllables of
// KS X 1001.
bool looks_like_cp949(std::string_view s) {
  size_t pairs = 0, syllables = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    const auto lead = static_cast<unsigned char>(s[i]);
    if (lead < 0x80) continue;
    if (i + 1 == s.size()) break;
    const auto trail = static_cast<unsigned char>(s[++i]);
    const bool letter = (trail >= 'A' && trail <= 'Z') || (trail >= 'a' && trail <= 'z');
    if (lead == 0x80 || lead == 0xFF || trail == 0xFF) return false;
    if (trail < 0xA1 && (lead > 0xC6 || !(letter || trail >= 0x81))) return false;
    ++pairs;
    syllables += lead >= 0xB0 && lead <= 0xC8 && trail >= 0xA1;
  }
  return pairs > 0 && 4 * syllables >= 3 * pairs;
}

// Latin letters with a sign, each among plain ones.
bool looks_like_latin1(std::string_view s) {
  size_t high = 0, runs = 0, plain = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    high += is_high(s[i]);
    runs += is_high(s[i]) && (i == 0 || !is_high(s[i - 1]));
    plain += !is_high(s[i]);
  }
  return high <= 2 * runs && high <= plain;
}

// What a text may be whose first byte that is no UTF-8 is bytes[at], with the cure.
std::string guess(std::string_view bytes, size_t at, const std::string& name) {
  size_t begin = at > kSample / 2 ? at - kSample / 2 : 0;
  const size_t newline = bytes.substr(0, at).find('\n', begin);
  if (begin > 0 && newline != std::string_view::npos) begin = newline + 1;
  while (begin < at && is_utf8_continuation(bytes[begin])) ++begin;
  const std::string_view sample = bytes.substr(begin, kSample);
  size_t characters = 0, broken = 0;  // of several bytes; parts that are none
  Utf8Step last{};
  for (size_t i = 0; i < sample.size(); i += last.bytes) {
    last = utf8_step(sample.substr(i));
    characters += last.kind == Utf8Step::valid && last.bytes > 1;
    broken += last.kind != Utf8Step::valid;
  }
  const bool to_the_end = sample.data() + sample.size() == bytes.data() + bytes.size();
  if (to_the_end && broken == 1 && last.kind == Utf8Step::incomplete && (characters > 0 || last.bytes > 1))
    return "The file ends inside a character: it was cut.";
  if (characters > broken)
    return fmt::format("Most of it is UTF-8: the file was damaged. Without the bytes that are wrong: {}",
                       iconv("UTF-8", "-c ", name));
  if (looks_like_cp949(sample))
    return fmt::format("The file looks like CP949 (Korean of older Windows programs): {}", iconv("CP949", "", name));
  if (looks_like_latin1(sample)) return fmt::format("The file looks like Latin-1: {}", iconv("WINDOWS-1252", "", name));
  return fmt::format("Convert the file from its encoding: {}", iconv("ENCODING", "", name));
}

// "NAME:3: byte 14", and of the file where that is another number.
struct Place {
  size_t line_begin = 0, line = 1;
};
Place place_of(std::string_view bytes, size_t at) {
  const std::string_view before = bytes.substr(0, at);
  const size_t newline = before.rfind('\n');
  return {.line_begin = newline == std::string_view::npos ? 0 : newline + 1,
          .line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'))};
}
std::string said(const Place& place, size_t at, const std::string& name) {
  const std::string of_file = place.line_begin == 0 ? "" : fmt::format(" (byte {} of the file)", at);
  return fmt::format("{}:{}: byte {}{}", name, place.line, at - place.line_begin, of_file);
}

size_t first_invalid(std::string_view s) {
  size_t i = 0;
  while (i < s.size()) {
    const Utf8Step step = utf8_step(s.substr(i));
    if (step.kind != Utf8Step::valid) break;
    i += step.bytes;
  }
  return i;
}

}  // namespace

Result<std::string_view> user_text(std::string_view bytes, const std::string& name) {
  for (const Signature& s : kSignatures) {
    if (!bytes.starts_with(s.bytes)) continue;
    const std::string cure = s.cure.empty() ? "" : ": " + fmt::format(fmt::runtime(s.cure), name, quoted(name));
    return Error{fmt::format("{}: is {}, no text{}", name, s.what, cure)};
  }
  for (const Mark& m : kWideMarks)
    if (bytes.starts_with(m.bytes))
      return Error{fmt::format("{}: is {}, where UTF-8 is read: {}", name, m.name, iconv(m.name, "", name))};
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  const size_t zero = bytes.find('\0');
  if (zero != std::string_view::npos) {
    if (const std::string_view wide = wide_without_mark(bytes); !wide.empty())
      return Error{fmt::format("{}: is {}, where UTF-8 is read: {}", name, wide, iconv(wide, "", name))};
    return Error{
        fmt::format("{} is NUL, which no text has: is this a text file?", said(place_of(bytes, zero), zero, name))};
  }
  if (is_valid_utf8(bytes)) return bytes;
  const size_t at = first_invalid(bytes);
  const Place place = place_of(bytes, at);
  return Error{fmt::format("{} is not UTF-8. {}", said(place, at, name), guess(bytes, at, name))};
}

Result<std::string> read_text_file(const std::string& path, int64_t max_bytes) {
  auto bytes = read_input_file(path, max_bytes);
  if (!bytes) return bytes.error();
  const auto text = user_text(*bytes, path);
  if (!text) return text.error();
  bytes->erase(0, bytes->size() - text->size());
  return bytes;
}

}  // namespace jamsu::unicode
