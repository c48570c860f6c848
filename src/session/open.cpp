#include "session/open.h"

#include <fmt/format.h>

#include <filesystem>

#include "machine/cpu.h"
#include "plan/plan.h"
#include "tokenizer/folder/load.h"

namespace jamsu::session {

namespace {

// Said before it is loaded, from headers alone: a machine that swaps or kills helps nobody. The states of sequences are
// not counted: the engine takes what it gets, and says so.
Result<void> check_memory(const std::string& folder, int64_t free, const OpenOptions& how) {
  if (how.force) return {};
  const auto source = plan::read_source(folder, how.numerics);
  if (!source) return source.error();
  const plan::Memory need = plan::memory(*source, {.context = 1}, how.numerics, how.threads);
  if (free == 0 || need.total() <= free) return {};  // 0: this system does not say
  const auto gib = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
  return Error{
      fmt::format("{}: it does not fit: weights take {:.2f} GiB, work space {:.2f} GiB, {:.2f} GiB are free "
                  "(jamsu plan says more; --force loads it all the same)",
                  folder, gib(need.weights), gib(need.total() - need.weights), gib(free))};
}

}  // namespace

Result<std::unique_ptr<OpenModel>> open_model(const std::string& kind, const std::string& model,
                                              const OpenOptions& how) {
  auto open = std::make_unique<OpenModel>();
  auto folder = hub::find_model(model, how.places);
  open->account = std::make_unique<ledger::Account>(
      how.places.home, ledger::Description{.kind = kind, .model = folder ? *folder : model, .note = {}}, how.say);
  if (!folder) return folder.error();
  open->folder = *folder;
  open->runtime = std::make_unique<ops::Runtime>(how.threads, how.isa, how.numerics);
  if (const std::string& shortage = open->runtime->pool()->shortage(); !shortage.empty()) how.say(shortage);
  const int64_t free = machine::this_cpu().memory_free_bytes;
  if (auto fits = check_memory(*folder, free, how); !fits) return fits.error();
  auto opened = models::open_model(*folder, ops::Packs::forward, open->runtime->context(), free);
  if (!opened) return opened.error();
  open->opened = std::move(*opened);
  open->generation = models::load_generation_config(*folder, open->opened.model->info().vocab);
  if (how.say)
    for (const std::string& unused : open->generation.unused) how.say(unused);
  open->cache = how.cache.value_or(models::default_cache_policy(*open->opened.model));
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
                                                  const OpenOptions& how, const engine::EngineOptions& options,
                                                  bool chat) {
  auto opened = open_model(kind, model, how);
  if (!opened) return opened.error();
  return add_session(std::move(*opened), options, chat);
}

Result<std::unique_ptr<OpenSession>> add_session(std::unique_ptr<OpenModel> opened,
                                                 const engine::EngineOptions& options, bool chat) {
  const OpenModel& m = *opened;
  const std::string tokenizer_file = m.folder + "/tokenizer.json";
  if (!tokenizer::holds_tokenizer(m.folder))
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
  auto open = std::make_unique<OpenSession>();
  engine::EngineOptions with_cache = options;
  with_cache.policy = m.cache;
  open->session = std::make_unique<Session>(m.opened.model, *tokenizer, std::move(prompts), *m.runtime, with_cache,
                                            text_ends(m.folder, m.opened.model->info(), m.generation, &*tokenizer));
  open->generation = m.generation;
  open->model = std::move(opened);
  return open;
}

}  // namespace jamsu::session
