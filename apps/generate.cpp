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

#include "apps/reply_printer.h"
#include "apps/signals.h"
#include "base/files.h"
#include "formats/strict_json.h"
#include "text/conversation.h"

namespace jamsu::apps {
namespace {

using Options = GenerateOptions;

constexpr int kCut = 3;  // exit code: the reply ended before its own end
constexpr auto kInterrupted = [] { return noted_signal() != 0; };

// All of it, but for one line end at its end, which echo and editors add.
std::string read_stdin() {
  std::string text((std::istreambuf_iterator<char>(std::cin)), {});
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// One prompt a line: {"prompt": "..."}, or a conversation, {"messages": [...], "tools": [...]};
// other members are kept and given back.
Result<std::vector<boost::json::object>> read_prompts(const std::string& path) {
  const auto text = path == "-" ? Result<std::string>(read_stdin()) : read_file(path);
  if (!text) return text.error();
  std::vector<boost::json::object> prompts;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text->size();) {
    size_t end = text->find('\n', begin);
    if (end == std::string::npos) end = text->size();
    const std::string_view line(text->data() + begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}:{}", path, line_number);
    const auto value = formats::parse_strict_json(line, where);
    if (!value) return value.error();
    const auto* prompt = value->is_object() ? value->as_object().if_contains("prompt") : nullptr;
    const bool messages = value->is_object() && value->as_object().contains("messages");
    if ((prompt != nullptr) == messages || (prompt && !prompt->is_string()))
      return Error{where + ": not an object with either a string \"prompt\" or \"messages\""};
    prompts.push_back(value->as_object());
  }
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
  for (const int64_t id : model.opened.model->info().eos) request.stop_tokens.push_back(static_cast<int32_t>(id));
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
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto value = formats::parse_strict_json(*text, path);
  if (!value) return value.error();
  return text::read_tools(*value, path);
}

// `where`: of the prompt in its file.
Result<session::ChatRequest> chat_request(const Options& o, const boost::json::object& prompt, const std::string& where,
                                          const boost::json::array& tools, const models::GenerationConfig& defaults) {
  session::ChatRequest r = make_request(o.sampling, defaults);
  r.tools = tools;
  if (!o.system.empty()) r.messages.push_back({"system", o.system});
  if (const auto* text = prompt.if_contains("prompt")) {
    r.messages.push_back({"user", std::string(text->as_string())});
    return r;
  }
  auto conversation = text::read_conversation(prompt, where);
  if (!conversation) return conversation.error();
  std::move(conversation->messages.begin(), conversation->messages.end(), std::back_inserter(r.messages));
  if (!conversation->tools.empty()) r.tools = std::move(conversation->tools);
  return r;
}

// What is asked: a file's lines, -p, or what comes on stdin where neither stands there.
Result<std::vector<boost::json::object>> asked(const Options& o) {
  const Error none{"generate: give one of -p TEXT, --prompts FILE and --tokens IDS, or a text on stdin"};
  if (o.prompt && !o.prompts.empty()) return none;
  if (!o.prompts.empty()) return read_prompts(o.prompts);
  if (!o.prompt && isatty(STDIN_FILENO) == 1) return none;
  std::string text = o.prompt && *o.prompt != "-" ? *o.prompt : read_stdin();
  if (text.empty()) return none;
  return std::vector<boost::json::object>{{{"prompt", std::move(text)}}};
}

Result<std::vector<session::ChatRequest>> make_requests(const Options& o,
                                                        const std::vector<boost::json::object>& prompts,
                                                        const models::GenerationConfig& defaults) {
  const auto tools = read_tools_file(o.tools);
  if (!tools) return tools.error();
  std::vector<session::ChatRequest> requests;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string where = fmt::format("{}: prompt {}", o.prompts, i + 1);
    if (o.chat) {
      auto r = chat_request(o, prompts[i], where, *tools, defaults);
      if (!r) return r.error();
      r->end_loops = o.sampling.end_loops != "off";
      requests.push_back(std::move(*r));
    } else {
      if (!prompts[i].contains("prompt")) return Error{where + ": \"messages\" are of the chat format; add --chat"};
      requests.push_back(make_request(o.sampling));
      requests.back().continued = std::string(prompts[i].at("prompt").as_string());
    }
  }
  return requests;
}

// One reply as text, while it is written.
int write_text(const Options& o, const Globals& globals, session::OpenSession& open,
               const session::ChatRequest& request) {
  ReplyPrinter printer(look_of(o.sampling.show_thinking, globals));
  const session::Reply reply = open.session->follow(
      request, [&](const session::Event& event) { return printer.take(event); }, kInterrupted);
  open.count(reply);
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
  ReplyLines(const std::vector<boost::json::object>& prompts, bool ordered)
      : prompts_(prompts), ordered_(ordered), lines_(prompts.size()) {}
  void take(size_t i, const session::Reply& reply) {
    if (reply.done.reason == engine::FinishReason::cancelled) return;  // no reply
    failed_ |= !reply.done.error.empty();
    cut_ += reply.done.reason == engine::FinishReason::length;
    ++written_;
    boost::json::object line = prompts_[i];
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
  const std::vector<boost::json::object>& prompts_;
  bool ordered_, failed_ = false;
  std::vector<std::string> lines_;
  size_t next_ = 0, written_ = 0;
  int64_t cut_ = 0;
};

int write_json(const Options& o, session::OpenSession& open, const std::vector<boost::json::object>& prompts,
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
  const auto prompts = asked(o);
  if (!prompts) return fail(prompts.error());
  const auto open = session::open_session("generate", o.model, globals.how(), {}, o.chat);
  if (!open) return fail(open.error());
  const auto requests = make_requests(o, *prompts, (*open)->generation);
  if (!requests) return fail(requests.error());
  note_signals(CtrlC::ends);
  const int code = o.json || !o.prompts.empty() ? write_json(o, **open, *prompts, *requests)
                                                : write_text(o, globals, **open, requests->front());
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
      "object a line comes back, in the order of the file, each as soon as those before it are written");
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
  verb->add_option("--system", options->system, "with --chat: a system message before the question");
  verb->add_option("--tools", options->tools,
                   "with --chat: a JSON file, the list of functions the model may call, as chat APIs describe them");
  verb->add_flag("--json", options->json, "one JSON object, when the reply is whole");
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
