// jamsu chat, jamsu run: a conversation in the terminal. Thinking is dimmed, with its length and time.
#include <fmt/ranges.h>

#include <csignal>
#include <cstdio>

#include "apps/chat_talk.h"
#include "apps/generate.h"
#include "apps/message_reader.h"
#include "apps/signals.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> question;  // of run: one reply, and no conversation
  TalkOptions talk;
};

int run(const Options& o, const Globals& globals) {
  if (!o.question.empty())
    return run_generate({.model = o.model,
                         .prompt = fmt::format("{}", fmt::join(o.question, " ")),
                         .system = o.talk.system,
                         .chat = true,
                         .sampling = o.talk.sampling},
                        globals);
  const auto open = session::open_session("chat", o.model, globals.how());
  if (!open) return fail(open.error());
  note_signals(CtrlC::again);
  MessageReader reader(globals.codes);
  Talk talk(**open, o.talk, globals, reader);
  if (reader.terminal())
    print("{}: type a question in Korean or English, /help for commands, Ctrl-D to leave.\n", (*open)->model->folder);
  while (auto message = reader.read())
    if (!talk.take(*message) || std::ferror(stdout)) break;
  // At a terminal Ctrl-C stops a reply or drops a line, and the chat goes on.
  const int signal = noted_signal();
  const bool ended = signal != 0 && (signal != SIGINT || !reader.terminal());
  (*open)->model->account->finish(ended ? ledger::Ending::interrupted : ledger::Ending::finished);
  return ended ? code_of(signal) : 0;
}

std::shared_ptr<Options> add_options(Verb& verb, Globals& globals) {
  auto options = std::make_shared<Options>();
  verb.add_option("--system", options->talk.system, "a system message before the conversation");
  add_sampling_options(verb, options->talk.sampling, true);
  verb.callback([options, &globals] { globals.exit_code = run(*options, globals); });
  return options;
}

}  // namespace

void add_chat(Verb& app, Globals& globals) {
  auto* chat = app.add_subcommand("chat", "talk to a model in the terminal");
  const auto of_chat = add_options(*chat, globals);
  chat->add_option("--model,model", of_chat->model, kModelHelp);
  chat->footer("Example: jamsu chat\n         echo '48+57' | jamsu chat");
  auto* run_verb =
      app.add_subcommand("run", "chat by another name: jamsu run MODEL, or one reply: jamsu run MODEL TEXT");
  const auto of_run = add_options(*run_verb, globals);
  run_verb->add_option("model", of_run->model, kModelHelp);
  run_verb->add_option("text", of_run->question, "one question; its reply is written, and that is all");
  run_verb->footer("Example: jamsu run nano\n         jamsu run nano '48+57'");
}

}  // namespace jamsu::apps
