// jamsu: trains, post-trains and runs DeepSeek-style reasoning models on this computer.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>
#include <system_error>

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
                           .say = say_once};
  for (const models::CachePolicy policy : models::kCachePolicies)
    if (cache == models::policy_name(policy)) how.cache = policy;
  return how;
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
  globals.colour = globals.codes && variable("NO_COLOR").empty();
  const std::string isa = variable("JAMSU_ISA");
  if (isa.empty()) return true;
  globals.isa = jamsu::kernels::isa_from_name(isa);
  const auto available = jamsu::kernels::available_isas();
  if (globals.isa && std::find(available.begin(), available.end(), *globals.isa) != available.end()) return true;
  std::string message = "JAMSU_ISA=" + isa + ": this CPU has";
  for (const auto i : available) message += " " + std::string(jamsu::kernels::isa_name(i));
  jamsu::apps::say(message);
  return false;
}

int run(int argc, char** argv) {
  jamsu::apps::hold_standard_files();
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
  if (const auto code = line.parse(argc, argv)) return *code;
  // What was printed has to have arrived: a full disk behind `>` is an error.
  std::cout.flush();
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) && globals.exit_code == 0)
    return jamsu::apps::fail("the output cannot be written");
  return globals.exit_code;
}

// Said without memory of its own.
void say_out_of_memory() {
  constexpr std::string_view kMessage = "jamsu: out of memory\n";
  if (::write(STDERR_FILENO, kMessage.data(), kMessage.size()) < 0) return;  // nobody listens
}

// Memory may end where nothing can be thrown: in a destructor, in a thread's own code. Any other exception that arrives
// here is an error of ours and ends as such.
[[noreturn]] void on_terminate() {
  try {
    if (const auto exception = std::current_exception()) std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
    ::_exit(1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "jamsu: internal error: %s\n", e.what());
  } catch (...) {
    std::fprintf(stderr, "jamsu: internal error\n");
  }
  std::abort();
}

// Before the objects of this program that are made before main(), which may find no memory either.
[[gnu::constructor(101)]] void set_terminate_first() {
  std::set_terminate(on_terminate);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
  } catch (const std::system_error& e) {
    const bool short_of = e.code() == std::errc::resource_unavailable_try_again;
    jamsu::apps::say(std::string(e.what()) + (short_of ? ". Memory, address space (ulimit -v) or processes (ulimit -u) "
                                                         "that this program may have are too few."
                                                       : ""));
  } catch (const std::exception& e) {
    jamsu::apps::say(e.what());
  }
  return 1;
}
