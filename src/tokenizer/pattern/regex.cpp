#include "tokenizer/pattern/regex.h"

#include <fmt/format.h>
#include <oniguruma.h>

#include <mutex>
#include <string>
#include <vector>

#include "tokenizer/pattern/regex_properties.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

// Patterns of published tokenizers are below 1,000 bytes, but DeepSeek-V2's letter class, and nest 3 deep. Oniguruma's
// parser recurses once per parenthesis or bracket.
constexpr size_t kMaxPatternBytes = 16384;
constexpr int kMaxNesting = 32;
constexpr unsigned long kMaxRetriesInMatch = 10'000'000;  // Oniguruma's default
constexpr unsigned long kMaxRetriesInSearch = 50'000'000;
constexpr unsigned kMaxStack = 4'000'000;  // entries of the backtracking stack
constexpr unsigned long kProbeRetries = 200'000;
constexpr int kProbeRuns[] = {30, 70, 200};

// Counts every opening bracket that is not escaped;
// a class may close fewer than it opens, which only makes this stricter.
Status check_shape(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes)
    return Error{fmt::format("a pattern of {} bytes; the limit is {}", pattern.size(), kMaxPatternBytes)};
  if (!unicode::is_valid_utf8(pattern)) return Error{"not valid UTF-8"};
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '(' || pattern[i] == '[') {
      if (++depth > kMaxNesting) return Error{fmt::format("parentheses nested deeper than {}", kMaxNesting)};
    } else if ((pattern[i] == ')' || pattern[i] == ']') && depth > 0) {
      --depth;
    }
  }
  return {};
}

using Region = std::unique_ptr<OnigRegion, decltype([](OnigRegion* r) { onig_region_free(r, 1); })>;
using MatchParam = std::unique_ptr<OnigMatchParam, decltype([](OnigMatchParam* p) { onig_free_match_param(p); })>;

MatchParam make_limits(unsigned long in_match, unsigned long in_search) {
  MatchParam p(onig_new_match_param());
  onig_initialize_match_param(p.get());
  onig_set_retry_limit_in_match_of_match_param(p.get(), in_match);
  onig_set_retry_limit_in_search_of_match_param(p.get(), in_search);
  onig_set_match_stack_limit_size_of_match_param(p.get(), kMaxStack);
  return p;
}

const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

}  // namespace

struct Regex::Impl {
  regex_t* regex = nullptr;
  ~Impl() {
    if (regex) onig_free(regex);
  }
  Found search(std::string_view text, size_t from, OnigMatchParam* limits) const {
    const Region region(onig_region_new());
    const unsigned char *begin = bytes(text), *end = begin + text.size();
    const int r = onig_search_with_param(regex, begin, end, begin + from, end, region.get(), ONIG_OPTION_NONE, limits);
    if (r >= 0) return {Outcome::match, static_cast<size_t>(region->beg[0]), static_cast<size_t>(region->end[0])};
    return {r == ONIG_MISMATCH ? Outcome::no_match : Outcome::limit, 0, 0};
  }
};

Result<Regex> Regex::compile(std::string_view pattern) {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
  if (Status shape = check_shape(pattern); !shape) return shape.error();
  auto impl = std::make_shared<Impl>();
  OnigErrorInfo info{};
  const std::string own = with_own_properties(pattern);
  const int r = onig_new(&impl->regex, bytes(own), bytes(own) + own.size(), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                         ONIG_SYNTAX_RUBY, &info);
  if (r != ONIG_NORMAL) {
    impl->regex = nullptr;
    unsigned char message[ONIG_MAX_ERROR_MESSAGE_LEN] = {};
    onig_error_code_to_str(message, r, &info);
    return Error{reinterpret_cast<const char*>(message)};
  }
  // Runs of the characters that classes and nested repetitions stumble over, cut by one that fits nowhere.
  const MatchParam limits = make_limits(kProbeRetries, kProbeRetries);
  std::vector<std::string> seeds = {"a", "A", " ", "0", "\xEA\xB0\x80", "!", "'", "\n", "aA", "a ", "a0", "ab"};
  std::string rest = "\x01";  // what a pattern may look for before it starts to match
  for (const char c : pattern) {
    if (c <= ' ' || c >= 0x7F || seeds.size() >= 48) continue;
    seeds.emplace_back(1, c);
    rest += c;
  }
  for (const std::string& seed : seeds) {
    for (const int run : kProbeRuns) {
      std::string probe;
      for (int i = 0; i < run; ++i) probe += seed;
      for (const std::string& tail : {std::string(), std::string("\x01"), std::string("\xF4\x8F\xBF\xBF"), rest}) {
        if (impl->search(probe + tail, 0, limits.get()).outcome == Outcome::limit)
          return Error{fmt::format("the pattern explodes: {} bytes need more than {} steps", probe.size() + tail.size(),
                                   kProbeRetries)};
      }
    }
  }
  return Regex(std::move(impl));
}

Regex::Found Regex::search(std::string_view text, size_t from) const {
  thread_local const MatchParam limits = make_limits(kMaxRetriesInMatch, kMaxRetriesInSearch);
  return impl_->search(text, from, limits.get());
}

}  // namespace jamsu::tokenizer
