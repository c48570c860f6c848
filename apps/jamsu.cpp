// jamsu: trains, post-trains and runs DeepSeek-style reasoning models on this computer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "base/thread_pool.h"
#include "hub/cache.h"

namespace jamsu::apps {

int Globals::thread_count() const {
  return threads > 0 ? threads : usable_cores();
}

models::CachePolicy Globals::cache_policy(const models::Model& model) const {
  return how().cache.value_or(models::default_cache_policy(model));
}

session::OpenOptions Globals::how() const {
  session::OpenOptions how{.places = places,
                           .threads = thread_count(),
                           .isa = chosen_isa(),
                           .numerics = numerics(),
                           .cache = {},
                           .force = force,
                           .say = say};
  for (const models::CachePolicy policy : models::kCachePolicies)
    if (cache == models::policy_name(policy)) how.cache = policy;
  return how;
}

void say(const std::string& message) {
  std::fprintf(stderr, "jamsu: %s\n", message.c_str());
}

int fail(const std::string& message) {
  say(message);
  return 1;
}

}  // namespace jamsu::apps

namespace {

bool read_environment(jamsu::apps::Globals& globals) {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  globals.places.home = variable("JAMSU_HOME");
  if (globals.places.home.empty())
    globals.places.home = (variable("HOME").empty() ? "." : variable("HOME")) + "/.jamsu";
  globals.places.cache = jamsu::hub::cache_folder(variable);
  std::error_code error;
  globals.places.program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const std::string terminal = variable("TERM");
  globals.codes = !terminal.empty() && terminal != "dumb";
  const std::string isa = variable("JAMSU_ISA");
  if (isa.empty()) return true;
  globals.isa = jamsu::kernels::isa_from_name(isa);
  const auto available = jamsu::kernels::available_isas();
  if (globals.isa && std::find(available.begin(), available.end(), *globals.isa) != available.end()) return true;
  std::fprintf(stderr, "jamsu: JAMSU_ISA=%s: this CPU has", isa.c_str());
  for (const auto i : available) std::fprintf(stderr, " %s", std::string(jamsu::kernels::isa_name(i)).c_str());
  std::fprintf(stderr, "\n");
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  jamsu::apps::Globals globals;
  globals.words.assign(argv, argv + argc);
  if (!read_environment(globals)) return 1;
  jamsu::apps::CommandLine line(
      "jamsu trains, post-trains and runs DeepSeek-style reasoning models on this computer, offline.", "jamsu 0.1.0");
  line.add_option("--threads", globals.threads,
                  "threads to compute with (default: all usable cores); changes no result")
      ->range(1, 1024);
  line.add_flag("--f32", globals.f32, "compute in f32 instead of bf16 (for parity checks)");
  line.add_option("--cache", globals.cache,
                  "state of models with latent attention (MLA): expanded, latent (same bits, less memory, slower), "
                  "absorbed (less memory, other bits) or auto")
      ->one_of({"auto", "expanded", "latent", "absorbed"})
      ->show_default();
  line.add_flag("--force", globals.force, "go on where a model does not fit into free memory");
  line.footer("Example: jamsu chat\nMore of a verb: jamsu VERB --help");
  for (const auto add :
       {jamsu::apps::add_chat, jamsu::apps::add_generate, jamsu::apps::add_show, jamsu::apps::add_plan,
        jamsu::apps::add_check, jamsu::apps::add_models, jamsu::apps::add_pull, jamsu::apps::add_pretrain,
        jamsu::apps::add_sft, jamsu::apps::add_eval, jamsu::apps::add_tokenizer, jamsu::apps::add_data,
        jamsu::apps::add_doctor, jamsu::apps::add_bench, jamsu::apps::add_ledger})
    add(line, globals);
  try {
    if (const auto code = line.parse(argc, argv)) return *code;
  } catch (const std::exception& e) {  // out of memory and the like: said, not crashed
    return jamsu::apps::fail(e.what());
  }
  // What was printed has to have arrived: a full disk behind `>` is an error.
  std::cout.flush();
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) && globals.exit_code == 0)
    return jamsu::apps::fail("the output cannot be written");
  return globals.exit_code;
}
