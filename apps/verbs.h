#pragma once
// One function per verb: adds the subcommand and what runs when it is chosen. A verb returns the program's exit code.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "apps/say.h"
#include "base/result.h"
#include "hub/installed.h"
#include "kernels/registry.h"
#include "models/model.h"
#include "ops/context.h"
#include "session/open.h"

namespace jamsu::apps {

// What every verb shares. The environment is read here and nowhere below
// (JAMSU_HOME, JAMSU_ISA, HF_HOME, HF_HUB_CACHE, NO_COLOR, TERM).
struct Globals {
  hub::Places places;
  std::vector<std::string> words;   // the command line as it was given
  std::optional<kernels::Isa> isa;  // $JAMSU_ISA; empty: the best this CPU has
  int threads = 0;                  // --threads; 0: all usable cores
  bool f32 = false;                 // --f32: parity mode
  std::string cache = "auto";       // --cache: of MLA models (models/sequence_state.h)
  bool force = false;               // --force: although it does not fit into memory
  bool codes = false;               // a terminal understands escape sequences ($TERM)
  bool colour = false;              // and may be told to dim text ($NO_COLOR)
  int exit_code = 0;

  int thread_count() const;
  ops::Numerics numerics() const { return f32 ? ops::Numerics::f32 : ops::Numerics::bf16; }
  models::CachePolicy cache_policy(const models::Model& model) const;
  session::OpenOptions how() const;  // to open a model with
  kernels::Isa chosen_isa() const { return isa.value_or(kernels::best_isa()); }
};

// Of --model and of the argument that names a model.
inline constexpr const char* kModelHelp =
    "folder, or a name that jamsu ls lists (default: nano, which comes with jamsu)";

void add_models(Verb& app, Globals& globals);  // ls, rm
void add_pull(Verb& app, Globals& globals);    // the one verb that is a program of its own: apps/pull
void add_show(Verb& app, Globals& globals);
void add_plan(Verb& app, Globals& globals);
void add_check(Verb& app, Globals& globals);
void add_generate(Verb& app, Globals& globals);
void add_chat(Verb& app, Globals& globals);
void add_pretrain(Verb& app, Globals& globals);
void add_sft(Verb& app, Globals& globals);
void add_eval(Verb& app, Globals& globals);
void add_tokenizer(Verb& app, Globals& globals);
void add_data(Verb& app, Globals& globals);
void add_doctor(Verb& app, Globals& globals);
void add_ledger(Verb& app, Globals& globals);
void add_bench(Verb& app, Globals& globals);

}  // namespace jamsu::apps
