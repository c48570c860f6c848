// jamsu check MODEL: is this folder whole, and does it talk sense?
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "apps/request.h"
#include "base/files.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "eval/likelihood.h"
#include "eval/sample_texts.h"
#include "formats/safetensors.h"
#include "models/weight_stats.h"
#include "text/chat_format.h"
#include "tokenizer/folder/load.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::apps {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Options {
  std::string model;
  bool json = false, fast = false;
};

// Findings: what is wrong, what only looks odd, and what of the folder is not used. All of them are said, none stops the
// rest.
class Findings {
 public:
  explicit Findings(bool quiet) : quiet_(quiet) {}
  void problem(const std::string& text) { add(problems_, "PROBLEM  ", text); }
  void odd(const std::string& text) { add(odd_, "odd      ", text); }
  void unused(const std::string& text) { add(unused_, "unused   ", text); }
  const json::array& problems() const { return problems_; }
  const json::array& oddities() const { return odd_; }
  const json::array& all_unused() const { return unused_; }

 private:
  void add(json::array& list, const char* mark, const std::string& text) {
    list.emplace_back(text);
    if (!quiet_) print("{}{}\n", mark, text);
  }
  bool quiet_;
  json::array problems_, odd_, unused_;
};

// The name of a blob in the Hugging Face cache is its SHA-256 (of files kept in LFS);
// empty where the file is no such link.
std::string hash_by_name(const std::string& path) {
  std::error_code error;
  const std::string name = fs::canonical(path, error).filename().string();
  const bool hash = name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
  return !error && hash ? name : std::string();
}

json::object check_files(const formats::Safetensors& files, Findings& findings) {
  json::object hashes;
  for (const std::string& path : files.files()) {
    const auto map = MappedFile::open(path);
    if (!map) {
      findings.problem(map.error().message);
      continue;
    }
    const std::string hash = sha256_hex((*map)->bytes()), expected = hash_by_name(path);
    if (const auto status = (*map)->intact(); !status) findings.problem(status.error().message);
    hashes[fs::path(path).filename().string()] = hash;
    if (!expected.empty() && hash != expected)
      findings.problem(fmt::format("{}: its SHA-256 is {}, and the cache names it {}", path, hash, expected));
  }
  return hashes;
}

// Values: every tensor is read once.
json::object check_tensors(const formats::Safetensors& files, Findings& findings) {
  int64_t tensors = 0, elements = 0, counted = 0;
  double largest = 0;
  std::string largest_name;
  Allocator memory;
  for (const auto& info : files.tensors()) {
    ++tensors;
    elements += info.shape.elements();
    if (!models::is_floating(info.dtype)) continue;
    ++counted;
    const models::WeightStats s = models::weight_stats(files.view(info).aligned_copy(memory));
    if (s.nan > 0 || s.infinite > 0)
      findings.problem(
          fmt::format("tensor \"{}\": {} NaN and {} infinite of {} values", info.name, s.nan, s.infinite, s.elements));
    else if (s.zero == s.elements && info.name.find("bias") == std::string::npos)
      findings.odd(fmt::format("tensor \"{}\": all {} values are 0", info.name, s.elements));
    else if (s.rms > 0 && s.largest > 1e4 * s.rms)
      findings.odd(fmt::format("tensor \"{}\": its largest value {:.3g} is {:.0f} times its mean size", info.name,
                               s.largest, s.largest / s.rms));
    if (s.largest > largest && info.dtype != DType::f8_e4m3) largest = s.largest, largest_name = info.name;
  }
  if (const auto status = files.intact(); !status) findings.problem(status.error().message);
  return {{"tensors", tensors},
          {"values", elements},
          {"read", counted},
          {"largest", largest},
          {"largest_in", largest_name}};
}

// Fields of config.json that no code reads, tensors that are left out, advice on sampling that is not followed, and what
// stands in the folder that transformers would use.
void check_unused(const session::OpenModel& model, Findings& findings) {
  const models::ModelInfo& info = model.opened.model->info();
  for (const std::string& field : info.read_over)
    findings.unused(fmt::format("config.json: {}: no code of {} reads it", field, info.architecture));
  for (const std::string& tensors : model.opened.left_out) findings.unused(tensors);
  for (const std::string& advice : model.generation.unused) findings.unused(advice);
  std::error_code error;
  if (fs::exists(model.folder + "/adapter_config.json", error))
    findings.unused(
        "adapter_config.json: the adapter beside the weights; transformers with peft would put it upon them");
}

// transformers 5 asks the post_processor of tokenizer.json alone whether a text begins with BOS; versions before it asked
// add_bos_token too.
void check_begin(const std::string& folder, const tokenizer::Tokenizer& tokenizer, Findings& findings) {
  const auto text = read_file(folder + "/tokenizer_config.json", int64_t{32} << 20);
  boost::system::error_code error;
  const json::value config = text ? json::parse(*text, error) : json::value();
  const json::value* add = config.is_object() ? config.get_object().if_contains("add_bos_token") : nullptr;
  if (error || !add || !add->is_bool() || add->get_bool() != tokenizer.data().prefix.empty()) return;
  findings.odd(
      fmt::format("tokenizer_config.json: \"add_bos_token\" is {}, and running text begins {} BOS, as the "
                  "post_processor of tokenizer.json says",
                  add->get_bool(), add->get_bool() ? "without" : "with"));
}

void check_text(const std::string& folder, const models::ModelInfo& info, Findings& findings) {
  const auto tokenizer = tokenizer::Tokenizer::load(folder);
  if (!tokenizer) return findings.problem(tokenizer.error().message);
  if (tokenizer->vocab_size() > info.vocab)
    findings.problem(fmt::format("the tokenizer has {} ids, and config.json's \"vocab_size\" is {}",
                                 tokenizer->vocab_size(), info.vocab));
  for (const int64_t id : info.eos)
    if (id >= tokenizer->vocab_size())
      findings.problem(fmt::format("\"eos_token_id\" {} is no id of the tokenizer ({})", id, tokenizer->vocab_size()));
  check_begin(folder, *tokenizer, findings);
  const auto format = text::ChatFormat::load(folder);
  if (!format) return findings.odd("no chat template that works: " + format.error().message);
  for (const char* name : {"bos_token", "eos_token"}) {
    const std::string token(format->token(name));
    if (token.empty()) continue;
    const auto id = tokenizer->token_id(token);
    if (!id) {
      findings.problem(fmt::format("tokenizer_config.json's {} \"{}\" is no token of the tokenizer", name, token));
    } else if (std::string_view(name) == "eos_token" && !info.eos.empty() &&
               std::find(info.eos.begin(), info.eos.end(), *id) == info.eos.end()) {
      findings.odd(
          fmt::format("tokenizer_config.json ends a reply with \"{}\" ({}), config.json with another id", token, *id));
    }
  }
}

// Perplexity of the sample texts. Random guessing over bytes is 8 bits a byte.
json::array check_sense(session::OpenSession& open, bool quiet, Findings& findings) {
  json::array results;
  for (const eval::SampleText& sample : eval::sample_texts()) {
    const auto p = eval::perplexity(*open.session, sample.text, 0, [&](const engine::Finished& f) {
      open.model->count(f.prompt_tokens, f.cached_tokens, f.output_tokens);
    });
    if (!p) {
      findings.problem(fmt::format("{} text: {}", sample.language, p.error().message));
      continue;
    }
    if (!std::isfinite(p->nll))
      findings.problem(fmt::format("{} text: the log-probabilities are not finite", sample.language));
    results.push_back({{"language", sample.language},
                       {"source", sample.source},
                       {"tokens", p->tokens},
                       {"bytes", p->bytes},
                       {"perplexity", p->per_token()},
                       {"bits_per_byte", p->bits_per_byte()}});
    if (!quiet)
      print("{:<8} {:.3f} bits a byte, perplexity {:.4g} a token, {:.2f} bytes a token: {}\n", sample.language,
            p->bits_per_byte(), p->per_token(), static_cast<double>(p->bytes) / static_cast<double>(p->tokens),
            sample.source);
  }
  return results;
}

int run(const Options& o, const Globals& globals) {
  const auto folder = hub::find_model(o.model, globals.places);
  if (!folder) return fail(folder.error());
  // Opening tests that every tensor is there in the shape config.json implies, and none too many.
  auto opened = session::open_model("check", o.model, globals.how());
  if (!opened) return fail(opened.error());
  const models::ModelInfo info = (*opened)->opened.model->info();
  const auto files = formats::Safetensors::open_folder(*folder);
  if (!files) return fail(files.error());
  Findings findings(o.json);
  if (!o.json) print("{}\n{}: {}\n", *folder, info.architecture, info.shape);
  check_unused(**opened, findings);
  const json::object hashes = o.fast ? json::object() : check_files(*files, findings);
  if (!o.json)
    for (const auto& [name, hash] : hashes)
      print("sha256   {}  {}\n", std::string_view(hash.as_string()), std::string_view(name));
  const json::object values = check_tensors(*files, findings);
  if (!o.json)
    print("tensors  {} of the shapes that config.json implies, {} values; largest {:.4g} in {}\n",
          values.at("tensors").as_int64(), values.at("values").as_int64(), values.at("largest").as_double(),
          std::string_view(values.at("largest_in").as_string()));
  json::array texts;
  if (tokenizer::holds_tokenizer(*folder)) {
    check_text(*folder, info, findings);
    auto open = session::add_session(std::move(*opened), {.cached_prefixes = 0}, false);
    if (!open) return fail(open.error());
    texts = check_sense(**open, o.json, findings);
    (*open)->model->account->finish(ledger::Ending::finished);
  } else {
    findings.odd("no tokenizer.json: no text was read to it");
    (*opened)->account->finish(ledger::Ending::finished);
  }
  const bool good = findings.problems().empty();
  if (o.json)
    std::cout << json::object{{"folder", *folder},
                              {"architecture", info.architecture},
                              {"unused", findings.all_unused()},
                              {"files", hashes},
                              {"tensors", values},
                              {"texts", texts},
                              {"problems", findings.problems()},
                              {"odd", findings.oddities()}}
              << "\n";
  else
    print("{}\n", good ? "no problem found" : fmt::format("{} problem(s)", findings.problems().size()));
  return good ? 0 : 1;
}

}  // namespace

void add_check(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("check", "is a model's folder whole: hashes, shapes, values, tokenizer, perplexity");
  verb->add_option("model", options->model, kModelHelp);
  verb->add_flag("--fast", options->fast, "without the SHA-256 of the files");
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Example: jamsu check pretrained/nano");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
