// jamsu generate: continues texts, or with --chat replies to them; one, or a file of them. With --tokens it continues
// token ids, without a tokenizer.
#include "apps/generate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <future>
#include <iostream>
#include <iterator>

#include "apps/line_options.h"
#include "apps/reply_printer.h"
#include "apps/show_prompt.h"
#include "apps/signals.h"
#include "base/input_file.h"
#include "formats/json_records.h"
#include "formats/strict_json.h"
#include "text/conversation.h"
#include "text/exchange.h"
#include "unicode/text_file.h"

namespace jamsu::apps {
namespace {

using Options = GenerateOptions;

constexpr int kCut = 3;                           // exit code: the reply ended before its own end
constexpr int64_t kMostInput = int64_t{1} << 30;  // bytes of stdin, as of a file that is named
constexpr auto kInterrupted = [] { return noted_signal() != 0; };

// All of it, but for one line end at its end, which echo and editors add.
Result<std::string> read_stdin() {
  const auto bytes = read_stdin_bytes(kMostInput);
  if (!bytes) return bytes.error();
  auto text = unicode::user_text(*bytes, "stdin");
  if (!text) return text.error();
  for (const char end : {'\n', '\r'})
    if (text->ends_with(end)) text->remove_suffix(1);
  return std::string(*text);
}

// A line of --prompts, and where it stands.
struct Prompt {
  boost::json::object line;
  std::string where;
  bool conversation = false;  // and not a text, "prompt"
};

// One prompt a line: {"prompt": "..."}, or a conversation (text/conversation.h);
// other members are kept and given back.
Result<std::vector<Prompt>> read_prompts(const std::string& path) {
  const auto text = path == "-" ? read_stdin() : unicode::read_text_file(path);
  if (!text) return text.error();
  std::vector<Prompt> prompts;
  const auto count =
      formats::for_each_record(*text, path, [&](const boost::json::object& line, const std::string& where) -> Status {
        const auto* prompt = line.if_contains("prompt");
        const bool plain = prompt && prompt->is_string() && !line.contains("messages");
        if (!plain && !text::is_conversation(line))
          return Error{where + ": not an object with either a string \"prompt\" or \"messages\""};
        prompts.push_back({line, where, !plain});
        return {};
      });
  if (!count) return count.error();
  if (prompts.empty()) return Error{path + ": no prompts"};
  return prompts;
}

// "1, 2, 3", also in brackets or parted by blanks alone.
Result<std::vector<int32_t>> read_ids(std::string_view text) {
  std::vector<int32_t> ids;
  const auto between = [](char c) { return c == ',' || c == ' ' || c == '[' || c == ']' || c == '\n' || c == '\t'; };
  for (size_t at = 0; at < text.size();) {
    if (between(text[at])) {
      ++at;
      continue;
    }
    int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), id);
    const auto next = static_cast<size_t>(end - text.data());
    if (error != std::errc() || id < 0 || (next < text.size() && !between(text[next])))
      return Error{fmt::format("generate: --tokens: at character {} stands no token id", at + 1)};
    ids.push_back(id);
    at = next;
  }
  if (ids.empty()) return Error{"generate: --tokens: no token id"};
  return ids;
}

// The last word to the ledger, and the exit code.
int ended(ledger::Account& account, int code) {
  if (kInterrupted()) {
    account.finish(ledger::Ending::interrupted);
    return code_of(noted_signal());
  }
  account.finish(code == 0 || code == kCut ? ledger::Ending::finished : ledger::Ending::failed);
  return code;
}

int run_ids(const Options& o, const Globals& globals) {
  const auto ids = read_ids(o.tokens);
  if (!ids) return fail(ids.error());
  if (!o.sampling.stop.empty()) return fail("generate: --stop is a text; --tokens knows none");
  const auto open = session::open_model("generate", o.model, globals.how());
  if (!open) return fail(open.error());
  session::OpenModel& model = **open;
  const auto engine = engine::Engine::open(model.opened.model, *model.runtime, {.policy = model.cache});
  const session::ChatRequest r = make_request(o.sampling);
  engine::Request request{.tokens = *ids, .sampling = r.sampling, .max_tokens = r.max_tokens};
  request.stop_tokens = model.ends();
  std::vector<int32_t> output;
  boost::json::array logprobs;
  std::promise<engine::Finished> finished;
  const auto start = std::chrono::steady_clock::now();
  const auto submitted = engine->submit(request, [&](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event)) {
      if (!o.json) {
        print("{}{}", output.empty() ? "" : " ", token->token);
        std::fflush(stdout);
      }
      output.push_back(token->token);
      logprobs.emplace_back(token->logprob);
    } else {
      finished.set_value(std::get<engine::Finished>(event));
    }
  });
  if (!submitted) return fail(submitted.error());
  note_signals(CtrlC::ends);
  auto end = finished.get_future();
  while (end.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    if (kInterrupted()) engine->cancel(*submitted);
  const engine::Finished done = end.get();
  model.count(done.prompt_tokens, done.cached_tokens, done.output_tokens);
  if (!done.error.empty()) return fail(done.error);
  if (o.json) {
    static constexpr const char* kReasons[] = {"stop", "length", "cancelled", "error"};
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << boost::json::object{{"prompt_ids", boost::json::array(ids->begin(), ids->end())},
                                     {"ids", boost::json::array(output.begin(), output.end())},
                                     {"logprobs", std::move(logprobs)},
                                     {"finish_reason", kReasons[static_cast<size_t>(done.reason)]},
                                     {"prompt_tokens", done.prompt_tokens},
                                     {"tokens", done.output_tokens},
                                     {"seconds", seconds.count()}}
              << "\n";
  } else {
    print("\n");
  }
  return ended(*model.account, 0);
}

Result<boost::json::array> read_tools_file(const std::string& path) {
  if (path.empty()) return boost::json::array();
  const auto text = unicode::read_text_file(path);
  if (!text) return text.error();
  const auto value = formats::parse_strict_json(*text, path);
  if (!value) return value.error();
  return text::read_tools(*value, path);
}

Result<session::ChatRequest> chat_request(const Options& o, const Prompt& prompt, const boost::json::array& tools,
                                          const models::GenerationConfig& defaults) {
  session::ChatRequest r = make_request(o.sampling, defaults);
  r.tools = tools;
  if (!o.system.empty()) r.messages.push_back({"system", o.system});
  if (!prompt.conversation) {
    r.messages.push_back({"user", std::string(prompt.line.at("prompt").as_string())});
    return r;
  }
  auto conversation = text::read_conversation(prompt.line, prompt.where);
  if (!conversation) return conversation.error();
  conversation->messages.resize(conversation->asked);
  std::move(conversation->messages.begin(), conversation->messages.end(), std::back_inserter(r.messages));
  r.variables = std::move(conversation->variables);
  if (!conversation->tools.empty()) r.tools = std::move(conversation->tools);
  return r;
}

// What the line says itself goes before the command line; of a log the request says it.
Result<Options> options_of(const Options& o, const Prompt& prompt) {
  Options own = o;
  const text::Exchange exchange = text::exchange_of(prompt.line);
  const bool apart = exchange.apart && exchange.request;
  if (auto s = take_line_options(apart ? *exchange.request : prompt.line, prompt.where, own.sampling); !s)
    return s.error();
  if (!o.chat && own.sampling.think != "auto")
    return Error{prompt.where + ": \"think\" is of the chat format; add --chat"};
  return own;
}

// What is asked: a file's lines, -p, or what comes on stdin where neither stands there.
Result<std::vector<Prompt>> asked(const Options& o) {
  const Error none{"generate: give one of -p TEXT, --prompts FILE and --tokens IDS, or a text on stdin"};
  if (o.prompt && !o.prompts.empty()) return none;
  if (!o.prompts.empty()) return read_prompts(o.prompts);
  if (!o.prompt && isatty(STDIN_FILENO) == 1) return none;
  const auto text = o.prompt && *o.prompt != "-" ? Result<std::string>(*o.prompt) : read_stdin();
  if (!text) return text.error();
  if (text->empty()) return none;
  return std::vector<Prompt>{{.line = {{"prompt", *text}}, .where = "-p"}};
}

// That texts which are read as plain text spell tokens of the model.
void say_unread_tokens(const std::vector<session::ChatRequest>& requests, const tokenizer::Tokenizer& tokenizer) {
  for (const session::ChatRequest& r : requests)
    if (const auto found = tokenizer.added_tokens_in(*r.continued); !found.empty())
      return say_once(
          fmt::format("generate: the text spells {}, a token of the model; it is read letter by letter. "
                      "--special reads such marks as tokens.",
                      tokenizer.token(found.front())));
}

Result<std::vector<session::ChatRequest>> make_requests(const Options& o, const std::vector<Prompt>& prompts,
                                                        const session::OpenSession& open) {
  const auto tools = read_tools_file(o.tools);
  if (!tools) return tools.error();
  std::vector<session::ChatRequest> requests;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& [line, where, conversation] = prompts[i];
    const auto own = options_of(o, prompts[i]);
    if (!own) return own.error();
    if (o.chat) {
      auto r = chat_request(*own, prompts[i], *tools, open.generation);
      if (!r) return r.error();
      if (auto s = open.session->check(*r); !s) return Error{where + ": " + s.error().message};
      r->end_loops = own->sampling.end_loops != "off";
      requests.push_back(std::move(*r));
    } else {
      if (conversation) return Error{where + ": \"messages\" are of the chat format; add --chat"};
      requests.push_back(make_request(own->sampling));
      requests.back().continued = std::string(line.at("prompt").as_string());
      requests.back().special = o.special;
    }
  }
  if (!o.chat && !o.special) say_unread_tokens(requests, open.session->tokenizer());
  return requests;
}

// One reply as text, while it is written.
int write_text(const Options& o, const Globals& globals, session::OpenSession& open,
               const session::ChatRequest& request) {
  ReplyPrinter printer(look_of(o.sampling.show_thinking, globals));
  const session::Reply reply = open.session->follow(
      request, [&](const session::Event& event) { return printer.take(event); }, kInterrupted);
  open.count(reply);
  for (const std::string& warning : reply.done.warnings) say_once(warning);
  if (!reply.done.error.empty()) return fail(reply.done.error);
  const std::string why = why_cut(reply, request.max_tokens, open.session->engine().model().info().context);
  if (why.empty()) return 0;
  say(why);
  return o.chat ? kCut : 0;  // a text that is continued has no end of its own
}

// Replies as JSON, a line each: whole lines, as soon as their turn has come. In the order of the prompts, unless each is
// to be written as it ends.
class ReplyLines {
 public:
  ReplyLines(const std::vector<Prompt>& prompts, bool ordered)
      : prompts_(prompts), ordered_(ordered), lines_(prompts.size()) {}
  void take(size_t i, const session::Reply& reply) {
    if (reply.done.reason == engine::FinishReason::cancelled) return;  // no reply
    for (const std::string& warning : reply.done.warnings) say_once(warning);
    failed_ |= !reply.done.error.empty();
    cut_ += reply.done.reason == engine::FinishReason::length;
    ++written_;
    boost::json::object line = prompts_[i].line;
    for (auto& [key, value] : to_json(reply)) line[key] = value;
    if (!ordered_) line["index"] = i;
    lines_[i] = boost::json::serialize(line) + "\n";
    if (!ordered_) return write(i);
    while (next_ < lines_.size() && !lines_[next_].empty()) write(next_++);
  }
  // Those that wait for one before them, which will not come.
  void write_rest() {
    for (; next_ < lines_.size(); ++next_) write(next_);
  }
  bool failed() const { return failed_; }
  bool full() const { return std::ferror(stdout) != 0; }
  // What a person should know besides; empty: nothing.
  std::string note() const {
    std::string text;
    if (written_ < prompts_.size()) text = fmt::format("{} of {} replies were written", written_, prompts_.size());
    if (cut_ > 0)
      text +=
          fmt::format("{}{} of {} were cut (\"finish_reason\": \"length\")", text.empty() ? "" : "; ", cut_, written_);
    return text;
  }

 private:
  void write(size_t i) {
    std::fwrite(lines_[i].data(), 1, lines_[i].size(), stdout);
    std::fflush(stdout);
    lines_[i].clear();
  }
  const std::vector<Prompt>& prompts_;
  bool ordered_, failed_ = false;
  std::vector<std::string> lines_;
  size_t next_ = 0, written_ = 0;
  int64_t cut_ = 0;
};

int write_json(const Options& o, session::OpenSession& open, const std::vector<Prompt>& prompts,
               const std::vector<session::ChatRequest>& requests) {
  ReplyLines lines(prompts, !o.unordered);
  open.session->chat_all(
      requests,
      [&](size_t i, const session::Reply& reply) {
        open.count(reply);
        lines.take(i, reply);
      },
      [&] { return kInterrupted() || lines.full(); });
  if (!o.unordered) lines.write_rest();
  if (const std::string note = lines.note(); !note.empty()) say(note);
  return lines.failed() ? 1 : 0;
}

}  // namespace

int run_generate(const Options& o, const Globals& globals) {
  if (!o.tokens.empty()) return run_ids(o, globals);
  if (!o.chat && !(o.tools.empty() && o.system.empty()))
    return fail("generate: --tools and --system are of the chat format; add --chat");
  if (!o.chat && o.sampling.think != "auto") return fail("generate: --think is of the chat format; add --chat");
  if (o.chat && o.special) return fail("generate: --special is of raw text; a chat template writes its own tokens");
  const auto prompts = asked(o);
  if (!prompts) return fail(prompts.error());
  const auto open = session::open_session("generate", o.model, globals.how(), {}, o.chat);
  if (!open) return fail(open.error());
  const auto requests = make_requests(o, *prompts, **open);
  if (!requests) return fail(requests.error());
  note_signals(CtrlC::ends);
  const bool lines = o.json || !o.prompts.empty();
  if (o.show_prompt) return ended(*(*open)->model->account, show_prompts(*(*open)->session, *requests, lines));
  const int code =
      lines ? write_json(o, **open, *prompts, *requests) : write_text(o, globals, **open, requests->front());
  return ended(*(*open)->model->account, code);
}

void add_generate(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("generate", "continue a text, or reply to it (--chat); one, or a file of them");
  verb->add_option("-p,--prompt", options->prompt,
                   "the text; -: all of stdin, as without -p where stdin is no terminal");
  verb->add_option(
      "--prompts", options->prompts,
      "JSONL file (-: stdin), an object with \"prompt\" a line (with --chat also \"messages\" and \"tools\"); one JSON "
      "object a line comes back, in the order of the file, each as soon as those before it are written. A line's own "
      "temperature, top_p, max_tokens, seed, stop ... go before those of the command line");
  verb->add_flag("--unordered", options->unordered,
                 "with --prompts: each line as its reply ends; \"index\" is its place in the file, from 0");
  auto* tokens = verb->add_option("--tokens", options->tokens,
                                  "token ids, as 1,42,7, instead of text: ids come back, and no tokenizer is needed");
  tokens->excludes("--prompt")->excludes("--prompts");
  verb->add_option("--model", options->model, kModelHelp);
  auto* chat = verb->add_flag("--chat", options->chat,
                              "the text is a question: ask it in the model's chat format. Without this the text is "
                              "continued as it stands");
  tokens->excludes(chat);
  verb->add_flag("--special", options->special,
                 "without --chat: marks of the model that the text spells, as <|fim_prefix|>, are its tokens");
  verb->add_option("--system", options->system, "with --chat: a system message before the question");
  verb->add_option("--tools", options->tools,
                   "with --chat: a JSON file, the list of functions the model may call, as chat APIs describe them");
  verb->add_flag("--json", options->json, "one JSON object, when the reply is whole");
  verb->add_flag("--show-prompt", options->show_prompt, "write what the model would read, and ask nothing");
  add_sampling_options(*verb, options->sampling, true);
  verb->footer(
      "Example: jamsu generate --chat -p '48 더하기 57은 얼마야?'\n"
      "         git diff | jamsu generate --chat --model Qwen/Qwen3-4B\n"
      "         jamsu generate --chat --prompts questions.jsonl > replies.jsonl\n"
      "         jamsu generate --model stories260k --tokens 1 --max-tokens 100\n"
      "Ends with 0; with 1 where something failed; with 3 where a reply (--chat, as text) was cut: by --max-tokens, "
      "the\n"
      "model's context or a loop, which stderr says; after Ctrl-C with 130. JSON has \"finish_reason\" and ends with "
      "0.");
  verb->callback([options, &globals] { globals.exit_code = run_generate(*options, globals); });
}

}  // namespace jamsu::apps
