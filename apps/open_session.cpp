#include "apps/open_session.h"

#include <fmt/format.h>

#include <ctime>
#include <filesystem>

#include "machine/cpu.h"
#include "plan/plan.h"

namespace jamsu::apps {

void add_sampling_options(Verb& verb, SamplingOptions& o) {
  verb.add_option("--temperature", o.temperature,
                  "0: always the most probable token. This and the next four: as generation_config.json of the model "
                  "says (chat and "
                  "--chat), else 0, off, 1, 0, 1")
      ->range(0.0, 100.0);
  verb.add_option("--top-k", o.top_k, "draw among the k most probable; 0: off")->non_negative();
  verb.add_option("--top-p", o.top_p, "draw among the most probable that sum up to p")->range(1e-9, 1.0);
  verb.add_option("--min-p", o.min_p, "drop tokens below this share of the most probable")->range(0.0, 1.0);
  verb.add_option("--repetition-penalty", o.repetition_penalty, "above 1 discourages tokens seen before")
      ->range(1e-3, 1e3);
  verb.add_option("--presence-penalty", o.presence_penalty, "subtracted from tokens of the reply so far");
  verb.add_option("--frequency-penalty", o.frequency_penalty, "the same, times how often");
  verb.add_option("--seed", o.seed, "of the draws; the same seed gives the same reply");
  verb.add_option("--max-tokens", o.max_tokens, "longest reply")->range(int64_t{1}, int64_t{1} << 30);
  verb.add_option("--think", o.think, "on, off, or auto (default): the model decides")
      ->one_of({"on", "off", "auto"});
  verb.add_option("--stop", o.stop, "a text that ends the reply and is not part of it; may be given again");
}

session::ChatRequest make_request(const SamplingOptions& o, const models::GenerationConfig& defaults) {
  session::ChatRequest r;
  r.thinking = o.think == "on"    ? session::Thinking::on
               : o.think == "off" ? session::Thinking::off
                                  : session::Thinking::automatic;
  r.sampling = {.temperature = o.temperature.value_or(defaults.temperature),
                .top_k = o.top_k.value_or(defaults.top_k),
                .top_p = o.top_p.value_or(defaults.top_p),
                .min_p = o.min_p.value_or(defaults.min_p),
                .repetition_penalty = o.repetition_penalty.value_or(defaults.repetition_penalty),
                .presence_penalty = o.presence_penalty,
                .frequency_penalty = o.frequency_penalty,
                .logit_bias = {},
                .allowed_ids = {},
                .seed = o.seed};
  r.max_tokens = o.max_tokens;
  r.stop = o.stop;
  const std::time_t seconds = std::time(nullptr);
  if (std::tm now{}; localtime_r(&seconds, &now)) r.now = now;
  return r;
}

namespace {

// Said before it is loaded, from headers alone: a machine that swaps or kills helps nobody. The states of sequences are
// not counted: the engine takes what it gets, and says so.
Result<void> check_memory(const std::string& folder, int64_t free, const Globals& globals) {
  if (globals.force) return {};
  const auto source = plan::read_source(folder, globals.numerics());
  if (!source) return source.error();
  const plan::Memory need = plan::memory(*source, {.context = 1}, globals.numerics(), globals.thread_count());
  if (free == 0 || need.total() <= free) return {};  // 0: this system does not say
  const auto gib = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
  return Error{
      fmt::format("{}: it does not fit: weights take {:.2f} GiB, work space {:.2f} GiB, {:.2f} GiB are free "
                  "(jamsu plan says more; --force loads it all the same)",
                  folder, gib(need.weights), gib(need.total() - need.weights), gib(free))};
}

}  // namespace

Result<std::unique_ptr<OpenModel>> open_model(const std::string& kind, const std::string& model,
                                              const Globals& globals) {
  auto open = std::make_unique<OpenModel>();
  auto folder = find_model(model, globals);
  open->account = std::make_unique<Account>(
      globals, ledger::Description{.kind = kind, .model = folder ? *folder : model, .note = {}});
  if (!folder) return folder.error();
  open->folder = *folder;
  open->runtime = std::make_unique<ops::Runtime>(globals.thread_count(), globals.chosen_isa(), globals.numerics());
  const int64_t free = machine::this_cpu().memory_free_bytes;
  if (auto fits = check_memory(*folder, free, globals); !fits) return fits.error();
  auto opened = models::open_model(*folder, ops::Packs::forward, open->runtime->context(), free);
  if (!opened) return opened.error();
  open->opened = std::move(*opened);
  open->cache = globals.cache_policy(*open->opened.model);
  return open;
}

void OpenModel::count(int64_t prompt_tokens, int64_t cached_tokens, int64_t output_tokens) {
  const int64_t computed = prompt_tokens - cached_tokens + output_tokens;
  tokens += computed;
  // Attention over half of what the reply came to.
  const double context = static_cast<double>(prompt_tokens + output_tokens) / 2;
  flops += opened.model->info().forward_flops(context) * static_cast<double>(computed);
  account->count(tokens, flops);
}

Result<std::unique_ptr<OpenSession>> open_session(const std::string& kind, const std::string& model,
                                                  const Globals& globals, const engine::EngineOptions& options,
                                                  bool chat) {
  auto opened = open_model(kind, model, globals);
  if (!opened) return opened.error();
  return add_session(std::move(*opened), options, chat);
}

Result<std::unique_ptr<OpenSession>> add_session(std::unique_ptr<OpenModel> opened,
                                                 const engine::EngineOptions& options, bool chat) {
  const OpenModel& m = *opened;
  const std::string tokenizer_file = m.folder + "/tokenizer.json";
  if (!std::filesystem::exists(tokenizer_file) && !std::filesystem::exists(m.folder + "/tiktoken.model"))
    return Error{tokenizer_file +
                 ": no such file. A model without a tokenizer takes and gives token ids: " + "jamsu generate --tokens"};
  auto tokenizer = tokenizer::Tokenizer::load(m.folder);
  if (!tokenizer) return tokenizer.error();
  const int64_t vocab = m.opened.model->info().vocab;
  if (tokenizer->vocab_size() > vocab)
    return Error{tokenizer_file + " has " + std::to_string(tokenizer->vocab_size()) +
                 " tokens where config.json's \"vocab_size\" is " + std::to_string(vocab)};
  const auto format = text::ChatFormat::load(m.folder);
  auto prompts = format ? text::PromptBuilder::create(*tokenizer, *format) : format.error();
  if (chat && !prompts) return prompts.error();
  auto generation = models::load_generation_config(m.folder, vocab);
  if (!generation) return generation.error();
  auto open = std::make_unique<OpenSession>();
  engine::EngineOptions with_cache = options;
  with_cache.policy = m.cache;
  open->session = std::make_unique<session::Session>(m.opened.model, *tokenizer, std::move(prompts), *m.runtime,
                                                     with_cache, generation->eos);
  open->generation = std::move(*generation);
  open->model = std::move(opened);
  return open;
}

boost::json::object to_json(const session::Reply& r) {
  static constexpr const char* kReasons[] = {"stop", "length", "cancelled", "error"};
  boost::json::object o{{"content", r.content},
                        {"reasoning", r.reasoning},
                        {"finish_reason", kReasons[static_cast<size_t>(r.done.reason)]},
                        {"prompt_tokens", r.done.prompt_tokens},
                        {"tokens", r.done.output_tokens},
                        {"reasoning_tokens", r.done.reasoning_tokens},
                        {"seconds", r.done.seconds}};
  if (!r.calls.empty()) {
    boost::json::array calls;
    for (const auto& call : r.calls)
      calls.push_back({{"name", call.name},
                       {"arguments", call.arguments},
                       {"id", call.id},
                       {"complete", call.complete},
                       {"valid", call.valid}});
    o["tool_calls"] = std::move(calls);
  }
  if (!r.done.error.empty()) o["error"] = r.done.error;
  return o;
}

}  // namespace jamsu::apps
