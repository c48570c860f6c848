// golden/text/tokenizers: every case of every set that is there. A set whose kind this program does not read has to be
// refused with an error that says so.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sodium.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parity/golden_files.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

using golden::own_root, golden::read_lines, golden::root;

std::string hex_sha256(const std::string& s) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(s.data()), s.size());
  std::string out(sizeof(hash) * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), hash, sizeof(hash));
  out.pop_back();
  return out;
}

// A tokenizer.json that the set lacks comes from the project's own goldens, the real ones from data/.
std::optional<fs::path> tokenizer_of(const fs::path& folder) {
  const fs::path name = folder.filename();
  for (const fs::path& p : {folder / "tokenizer.json", own_root() / "text/tokenizers" / name / "tokenizer.json",
                            own_root() / "data/tokenizers" / name / "tokenizer.json"})
    if (fs::exists(p)) return p;
  return {};
}

std::string text_of(const json::object& line) {
  if (const auto* t = line.if_contains("text")) return std::string(t->as_string());
  std::string out;
  for (const auto& part : line.at("repeat").as_array())
    for (int64_t i = 0; i < part.as_array()[1].as_int64(); ++i) out += std::string_view(part.as_array()[0].as_string());
  return out;
}

std::string joined(const std::vector<int32_t>& ids) {
  std::string out;
  for (const int32_t id : ids) out += (out.empty() ? "" : ",") + std::to_string(id);
  return out;
}

// Ids as a list, or {n, sha256} of the joined list.
bool same_ids(const std::vector<int32_t>& got, const json::value& want) {
  if (want.is_array()) return joined(got) == joined(json::value_to<std::vector<int32_t>>(want));
  return static_cast<int64_t>(got.size()) == want.at("n").as_int64() &&
         hex_sha256(joined(got)) == std::string_view(want.at("sha256").as_string());
}
bool same_text(const std::string& got, const json::object& line, const std::string& key) {
  if (const auto* t = line.if_contains(key)) return got == std::string_view(t->as_string());
  return hex_sha256(got) == std::string_view(line.at(key + "_sha256").as_string());
}

struct Count {
  int passed = 0, failed = 0;
  void add(bool ok, const std::string& what) {
    ++(ok ? passed : failed);
    if (!ok && failed <= 5) ADD_FAILURE() << what;
  }
};

Count check_cases(const Tokenizer& t, const fs::path& file) {
  Count count;
  int number = 0;
  for (const auto& line : read_lines(file)) {
    const std::string text = text_of(line), where = file.string() + ":" + std::to_string(++number);
    const auto ids = t.encode(text), with_special = t.encode(text, {.add_special = true});
    bool ok = same_ids(ids, line.at("ids")) && same_ids(with_special, line.at("ids_with_special"));
    ok = ok && same_text(t.decode(with_special), line, "decoded");
    ok = ok && same_text(t.decode(with_special, true), line, "decoded_skip_special");
    count.add(ok, where + " got " + joined(ids).substr(0, 400));
  }
  return count;
}

Count check_streams(const Tokenizer& t, const fs::path& file) {
  Count count;
  for (const auto& line : read_lines(file)) {
    const auto ids = json::value_to<std::vector<int32_t>>(line.at("ids"));
    StreamDecoder decoder(t);
    std::vector<std::string> chunks;
    for (const int32_t id : ids) chunks.push_back(decoder.push(id));
    chunks.push_back(decoder.flush());
    const bool ok = chunks == json::value_to<std::vector<std::string>>(line.at("chunks")) &&
                    same_text(t.decode(ids), line, "decoded");
    count.add(ok, file.string() + ": " + std::string(line.at("name").as_string()));
  }
  return count;
}

std::vector<fs::path> all_sets() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root() / "text/tokenizers"))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

TEST(Tokenizers, EqualHuggingFace) {
  int read = 0;
  for (const fs::path& folder : all_sets()) {
    const auto file = tokenizer_of(folder);
    if (!file) {
      std::printf("%-20s no tokenizer.json: passed over\n", folder.filename().c_str());
      continue;
    }
    const auto t = Tokenizer::load(*file);
    if (!t) {
      std::printf("%-20s refused: %s\n", folder.filename().c_str(), t.error().message.c_str());
      EXPECT_NE(t.error().message.find("not supported"), std::string::npos) << t.error().message;
      continue;
    }
    const Count cases = check_cases(*t, folder / "cases.jsonl"), streams = check_streams(*t, folder / "streams.jsonl");
    std::printf("%-20s cases %d of %d, streams %d of %d\n", folder.filename().c_str(), cases.passed,
                cases.passed + cases.failed, streams.passed, streams.passed + streams.failed);
    EXPECT_GT(cases.passed, 0);
    EXPECT_GT(streams.passed, 0);
    EXPECT_EQ(cases.failed + streams.failed, 0) << folder;
    // What is saved reads back as the same tokenizer.
    const auto again = Tokenizer::from_json(t->to_json(), "saved");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->to_json(), t->to_json());
    EXPECT_EQ(check_cases(*again, folder / "cases.jsonl").failed, 0) << folder << " saved and loaded";
    ++read;
  }
  EXPECT_GT(read, 0) << "no set that this program reads in " << root();
}

// One text for each category of Unicode: its first character over and over, its last, and many of them in turn; and
// runs of what patterns treat in a way of their own.
std::vector<std::string> runs_of_all_classes() {
  std::vector<std::string> seeds = {"a",  "A",   " ",  "\n",     "1",       "!", "'",  "가",   "漢", "aA",
                                    "Aa", " \n", "'s", "\u0301", " \u3000", "<", "<|", "한글", "a ", "\xFF"};
  for (int wanted = 0; wanted <= static_cast<int>(unicode::Category::Zs); ++wanted) {
    std::string first, last, all;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if ((c >= 0xD800 && c <= 0xDFFF) || static_cast<int>(unicode::category(c)) != wanted) continue;
      last.clear();
      unicode::append_utf8(last, c);
      if (first.empty()) first = last;
      if (all.size() < 2000) all += last;
    }
    if (first.empty()) continue;  // surrogates
    seeds.insert(seeds.end(), {first, last, all});
  }
  return seeds;
}
std::string run_of(const std::string& seed, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += seed;
  text.resize(bytes);
  return text;
}

// Steps of merging; none with Unigram.
uint64_t steps_of(const Tokenizer& t, const std::string& text) {
  const auto steps = [&] {
    auto cache = t.data().borrow_cache();
    const uint64_t now = cache->scratch.steps;
    t.data().return_cache(std::move(cache));
    return now;
  };
  const uint64_t before = steps();
  t.encode(text);
  return steps() - before;
}
double seconds_of(const Tokenizer& t, const std::string& text) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  double best = 1e9;
  for (int k = 0; k < 2; ++k) {
    const double start = now();
    t.encode(text);
    best = std::min(best, now() - start);
  }
  return best;
}

// 16 times the text: less than 20 times the steps. Time of the thread besides, for what is not counted: a bound that
// quadratic time (256) breaks, and a busy machine does not.
void expect_linear(const Tokenizer& t, const fs::path& folder) {
  constexpr size_t kShort = size_t{1} << 12, kLong = kShort * 16;
  static const auto seeds = runs_of_all_classes();
  for (const std::string& seed : seeds) {
    const std::string few = run_of(seed, kShort), many = run_of(seed, kLong);
    EXPECT_LT(steps_of(t, many), 20 * std::max<uint64_t>(steps_of(t, few), 1000))
        << folder << ": " << seed.substr(0, 8);
    EXPECT_LT(seconds_of(t, many), 100 * std::max(seconds_of(t, few), 1e-4)) << folder << ": " << seed.substr(0, 8);
  }
}

// Runs `work` on a stack of 256 KiB.
void on_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_t thread;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, size_t{256} << 10), 0);
  const auto enter = [](void* pointer) -> void* {
    (*static_cast<std::function<void()>*>(pointer))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, enter, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(Tokenizers, RunsOfEveryClassTakeLinearTimeAndConstantStack) {
  for (const fs::path& folder : all_sets()) {
    const auto file = tokenizer_of(folder);
    const auto t = file ? Tokenizer::load(*file) : Result<Tokenizer>(Error{"none"});
    if (!t) continue;
    on_small_stack([&] { expect_linear(*t, folder); });
  }
}

// A mebibyte in one piece, with what merges most and least.
TEST(Tokenizers, AMebibyteOfOneClassTakesLessThanTwentyTimesTheStepsOf64Kibibytes) {
  for (const fs::path& folder : all_sets()) {
    const auto file = tokenizer_of(folder);
    const auto t = file ? Tokenizer::load(*file) : Result<Tokenizer>(Error{"none"});
    if (!t) continue;
    on_small_stack([&] {
      for (const char* seed : {"a", " ", "\n", "1", "!", "가", "漢"})
        EXPECT_LT(steps_of(*t, run_of(seed, size_t{1} << 20)),
                  20 * std::max<uint64_t>(steps_of(*t, run_of(seed, size_t{1} << 16)), 1000))
            << folder << ": " << seed;
    });
  }
}

}  // namespace
}  // namespace jamsu::tokenizer
