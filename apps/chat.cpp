// jamsu chat: a conversation in the terminal. Thinking is dimmed, with its length and time.
#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <condition_variable>
#include <csignal>
#include <cwchar>
#include <fstream>
#include <iostream>
#include <mutex>

#include "apps/request.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model, system;
  SamplingOptions sampling;
};

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

const char* prompt_text(EditLine*) {
  return "> ";
}

// libedit's own reading tries again after a signal; this one ends the line at Ctrl-C.
int read_character(EditLine*, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    // A signal between the prompt and read() would leave read() waiting, and any thread may take it:
    // so look again and again.
    if (interrupted) return -1;
    pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 50) <= 0) continue;
    char byte = 0;
    const ssize_t n = ::read(0, &byte, 1);
    if (n == 0) return 0;
    if (n < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    const size_t length = std::mbrtowc(character, &byte, 1, &state);
    if (length == static_cast<size_t>(-1)) state = {};  // not UTF-8: passed over
    if (length <= 1) return 1;
  }
}

// Lines from the terminal with editing and history (libedit counts UTF-8 columns), or plain lines from a pipe.
class Input {
 public:
  Input() : terminal_(isatty(0) == 1) {
    if (!terminal_) return;
    std::setlocale(LC_CTYPE, "C.UTF-8");
    edit_ = el_init("jamsu", stdin, stdout, stderr);
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, 200);
    el_set(edit_, EL_PROMPT, prompt_text);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, history, history_);
    el_set(edit_, EL_SIGNAL, 0);
    el_set(edit_, EL_GETCFN, read_character);
  }
  ~Input() {
    if (edit_) el_end(edit_);
    if (history_) history_end(history_);
  }
  bool terminal() const { return terminal_; }
  // False at the end of the input.
  bool line(std::string& text) {
    if (!terminal_) return static_cast<bool>(std::getline(std::cin, text));
    int count = 0;
    interrupted = 0;
    // libedit leaves the line mode of the terminal only after it has shown the prompt:
    // a Ctrl-D typed in between is lost.
    el_set(edit_, EL_PREP_TERM, 1);
    const char* typed = el_gets(edit_, &count);
    if (!typed || count <= 0) {  // Ctrl-C gives an empty line, Ctrl-D ends
      if (interrupted) fmt::print("\n");
      return interrupted != 0;
    }
    text.assign(typed, static_cast<size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    HistEvent event;
    if (!text.empty()) history(history_, &event, H_ENTER, typed);
    return true;
  }

 private:
  bool terminal_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
};

constexpr const char* kHelp =
    "/new            forget the conversation\n"
    "/think on|off|auto   whether the model thinks before it answers\n"
    "/seed N         seed of the draws (with --temperature above 0)\n"
    "/save FILE      write the conversation as JSONL (it is written nowhere else)\n"
    "/stats          tokens and speed so far\n"
    "/help           this list\n"
    "Ctrl-C stops a reply, Ctrl-D leaves.\n";

class Chat {
 public:
  Chat(session::OpenSession& open, const Options& options, bool terminal)
      : open_(open), options_(options), color_(terminal && isatty(1) == 1) {
    begin();
  }

  // Answers one line; false when the conversation is to end.
  void take(const std::string& line) {
    if (line.empty()) return;
    if (line[0] == '/') return command(line);
    messages_.push_back({"user", line});
    session::ChatRequest request = make_request(options_.sampling, open_.generation);
    request.messages = messages_;
    make_room(request);
    session::Reply reply = stream(request);
    open_.count(reply);
    open_.model->account->keep();  // the next question may never come
    if (!reply.done.error.empty()) {
      messages_.pop_back();
      fmt::print("jamsu: {}\n", reply.done.error);
      return;
    }
    messages_.push_back({"assistant", reply.content});  // thinking of earlier turns is not part of the prompt
    full_.push_back({"user", line});
    full_.push_back({"assistant", reply.content, reply.reasoning});
    tokens_ += reply.done.output_tokens;
    seconds_ += reply.done.seconds;
  }

 private:
  const char* dim() const { return color_ ? "\033[2m" : ""; }
  const char* plain() const { return color_ ? "\033[0m" : ""; }

  // Leaves the earliest turns out until a quarter of the context is free for the reply.
  void make_room(session::ChatRequest& request) {
    const int64_t context = open_.session->engine().model().info().context;
    int left_out = 0;
    while (messages_.size() > 2) {
      const auto prompt = open_.session->prompt(request);
      if (!prompt || static_cast<int64_t>(prompt->ids.size()) <= context - context / 4) break;
      messages_.erase(messages_.begin(), messages_.begin() + 2);
      request.messages = messages_;
      ++left_out;
    }
    if (left_out > 0)
      fmt::print("{}[the context of {} tokens is full: the {} earliest question(s) and answer(s) are left out]{}\n",
                 dim(), context, left_out, plain());
  }

  session::Reply stream(const session::ChatRequest& request) {
    session::Reply reply;
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false, thinking = false;
    interrupted = 0;
    const auto id = open_.session->submit(request, [&](const session::Event& event) {
      std::lock_guard lock(mutex);
      if (const auto* r = std::get_if<session::ReasoningPiece>(&event)) {
        if (!thinking) fmt::print("{}", dim());
        thinking = true;
        reply.reasoning += r->text;
        fmt::print("{}", r->text);
      } else if (const auto* c = std::get_if<session::ContentPiece>(&event)) {
        if (thinking) fmt::print("{}\n", plain());
        thinking = false;
        reply.content += c->text;
        fmt::print("{}", c->text);
      } else if (const auto* call = std::get_if<session::CallBegin>(&event)) {
        fmt::print("{}\n{}[calls {} ", plain(), dim(), call->call.name);
        thinking = true;
      } else if (const auto* arguments = std::get_if<session::CallArguments>(&event)) {
        fmt::print("{}", arguments->text);
      } else if (std::holds_alternative<session::CallEnd>(event)) {
        fmt::print("]");
      } else if (const auto* done = std::get_if<session::Done>(&event)) {
        reply.done = *done;
        if (thinking) fmt::print("{}", plain());
        over = true;
        changed.notify_all();
      }
      std::fflush(stdout);
    });
    if (!id) {
      reply.done.error = id.error().message;
      return reply;
    }
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return over; }))
      if (interrupted) open_.session->cancel(*id);
    if (reply.done.reasoning_tokens > 0)
      fmt::print("\n{}[thought {} tokens in {:.2f} s, {} tokens in {:.2f} s in all]{}\n", dim(),
                 reply.done.reasoning_tokens, reply.done.reasoning_seconds, reply.done.output_tokens,
                 reply.done.seconds, plain());
    else
      fmt::print("\n");
    if (reply.done.reason == engine::FinishReason::cancelled) fmt::print("{}[stopped]{}\n", dim(), plain());
    if (reply.done.reason == engine::FinishReason::length)
      fmt::print("{}[cut at the limit of tokens or context; /new begins afresh]{}\n", dim(), plain());
    return reply;
  }

  void command(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string verb = line.substr(0, space), rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (verb == "/help") {
      fmt::print("{}", kHelp);
    } else if (verb == "/new") {
      begin();
      fmt::print("(a new conversation)\n");
    } else if (verb == "/think" && (rest == "on" || rest == "off" || rest == "auto")) {
      options_.sampling.think = rest;
      fmt::print("(thinking {})\n", rest);
    } else if (verb == "/seed" && !rest.empty() && rest.find_first_not_of("0123456789") == std::string::npos &&
               rest.size() < 19) {
      options_.sampling.seed = std::stoull(rest);
      fmt::print("(seed {})\n", rest);
    } else if (verb == "/save" && !rest.empty()) {
      save(rest);
    } else if (verb == "/stats") {
      const auto stats = open_.session->engine().stats();
      fmt::print(
          "{} tokens in {:.2f} s ({:.0f} a second), {} prompt tokens from the cache, {:.1f} MiB of state at most\n",
          tokens_, seconds_, seconds_ > 0 ? static_cast<double>(tokens_) / seconds_ : 0.0, stats.cached_tokens,
          static_cast<double>(stats.peak_state_bytes) / 1048576.0);
    } else {
      fmt::print("{}: not a command, or not with that. /help lists them.\n", line);
    }
  }

  void begin() {
    messages_.clear();
    if (!options_.system.empty()) messages_.push_back({"system", options_.system});
    full_ = messages_;
  }

  void save(const std::string& path) const {
    std::ofstream file(path);
    for (const text::Message& m : full_) {
      boost::json::object o{{"role", m.role}, {"content", m.content}};
      if (!m.reasoning_content.value_or("").empty()) o["reasoning_content"] = *m.reasoning_content;
      file << o << "\n";
    }
    file.flush();
    fmt::print("{}\n", file ? fmt::format("({} messages in {})", full_.size(), path) : path + ": cannot be written");
  }

  session::OpenSession& open_;
  Options options_;
  bool color_;
  std::vector<text::Message> messages_, full_;
  int64_t tokens_ = 0;
  double seconds_ = 0;
};

int run(const Options& o, const Globals& globals) {
  const auto open = session::open_session("chat", o.model, globals.how());
  if (!open) return fail(open.error());
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a line being typed ends
  sigaction(SIGINT, &action, nullptr);
  Input input;
  if (input.terminal())
    fmt::print("{}: type a question in Korean or English, /help for commands, Ctrl-D to leave.\n",
               (*open)->model->folder);
  Chat chat(**open, o, input.terminal());
  for (std::string line; input.line(line);) {
    chat.take(line);
    line.clear();
  }
  if (input.terminal()) fmt::print("\n");
  (*open)->model->account->finish(ledger::Ending::finished);
  return 0;
}

}  // namespace

void add_chat(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("chat", "talk to a model in the terminal");
  verb->add_option("--model", options->model, "folder, or a name under $JAMSU_HOME/models (default: pretrained/nano)");
  verb->add_option("--system", options->system, "a system message before the conversation");
  add_sampling_options(*verb, options->sampling);
  verb->footer("Example: jamsu chat\n         echo '48+57' | jamsu chat");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
