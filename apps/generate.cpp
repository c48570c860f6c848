// jamsu generate: continues texts, or with --chat replies to them; one, or a file of them. With --tokens it continues
// token ids, without a tokenizer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <chrono>
#include <future>
#include <iostream>

#include "apps/request.h"
#include "formats/json_records.h"
#include "formats/strict_json.h"
#include "text/conversation.h"
#include "unicode/text_file.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model, prompt, prompts, tokens, tools, system;
  bool chat = false, json = false;
  SamplingOptions sampling;
};

// A line of --prompts, and where it stands.
struct Prompt {
  boost::json::object line;
  std::string where;
  bool conversation = false;  // and not a text, "prompt"
};

// One prompt a line: {"prompt": "..."}, or a conversation (text/conversation.h);
// other members are kept and given back.
Result<std::vector<Prompt>> read_prompts(const std::string& path) {
  const auto text = unicode::read_text_file(path);
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
      output.push_back(token->token);
      logprobs.emplace_back(token->logprob);
    } else {
      finished.set_value(std::get<engine::Finished>(event));
    }
  });
  if (!submitted) return fail(submitted.error());
  const engine::Finished done = finished.get_future().get();
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
    fmt::print("{}\n", fmt::join(output, " "));
  }
  model.account->finish(ledger::Ending::finished);
  return 0;
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

int run(const Options& o, const Globals& globals) {
  if (!o.tokens.empty()) return run_ids(o, globals);
  if (!o.chat && !(o.tools.empty() && o.system.empty()))
    return fail("generate: --tools and --system are of the chat format; add --chat");
  if (o.prompt.empty() == o.prompts.empty())
    return fail("generate: give one of -p TEXT, --prompts FILE and --tokens IDS");
  if (!o.chat && o.sampling.think != "auto") return fail("generate: --think is of the chat format; add --chat");
  std::vector<Prompt> prompts{{{{"prompt", o.prompt}}, "-p"}};
  if (!o.prompts.empty()) {
    auto read = read_prompts(o.prompts);
    if (!read) return fail(read.error());
    prompts = std::move(*read);
  }
  const auto open = session::open_session("generate", o.model, globals.how(), {}, o.chat);
  if (!open) return fail(open.error());
  std::vector<session::ChatRequest> requests;
  const auto tools = read_tools_file(o.tools);
  if (!tools) return fail(tools.error());
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& [line, where, conversation] = prompts[i];
    if (o.chat) {
      auto r = chat_request(o, prompts[i], *tools, (*open)->generation);
      if (!r) return fail(r.error());
      if (auto s = (*open)->session->check(*r); !s) return fail(where + ": " + s.error().message);
      requests.push_back(std::move(*r));
    } else {
      if (conversation) return fail(where + ": \"messages\" are of the chat format; add --chat");
      requests.push_back(make_request(o.sampling));
      requests.back().continued = std::string(line.at("prompt").as_string());
    }
  }
  int failed = 0;
  const auto replies =
      (*open)->session->chat_all(requests, [&](size_t, const session::Reply& reply) { (*open)->count(reply); });
  for (size_t i = 0; i < replies.size(); ++i) {
    failed += !replies[i].done.error.empty();
    if (o.json || !o.prompts.empty()) {
      boost::json::object line = prompts[i].line;
      for (auto& [key, value] : to_json(replies[i])) line[key] = value;
      std::cout << line << "\n";
    } else if (!replies[i].done.error.empty()) {
      return fail(replies[i].done.error);
    } else {
      if (!replies[i].reasoning.empty()) fmt::print("<think>\n{}\n</think>\n", replies[i].reasoning);
      fmt::print("{}\n", replies[i].content);
    }
  }
  (*open)->model->account->finish(failed ? ledger::Ending::failed : ledger::Ending::finished);
  return failed ? 1 : 0;
}

}  // namespace

void add_generate(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("generate", "continue a text, or reply to it (--chat); one, or a file of them");
  verb->add_option("-p,--prompt", options->prompt, "the text");
  verb->add_option(
      "--prompts", options->prompts,
      "JSONL file, an object with \"prompt\" a line (with --chat also \"messages\" and \"tools\"); one JSON "
      "object a line comes back");
  auto* tokens = verb->add_option("--tokens", options->tokens,
                                  "token ids, as 1,42,7, instead of text: ids come back, and no tokenizer is needed");
  tokens->excludes("--prompt")->excludes("--prompts");
  verb->add_option("--model", options->model, "folder, or a name under $JAMSU_HOME/models (default: pretrained/nano)");
  auto* chat = verb->add_flag("--chat", options->chat,
                              "the text is a question: ask it in the model's chat format. Without this the text is "
                              "continued as it stands");
  tokens->excludes(chat);
  verb->add_option("--system", options->system, "with --chat: a system message before the question");
  verb->add_option("--tools", options->tools,
                   "with --chat: a JSON file, the list of functions the model may call, as chat APIs describe them");
  verb->add_flag("--json", options->json, "one JSON object");
  add_sampling_options(*verb, options->sampling);
  verb->footer(
      "Example: jamsu generate --chat -p '48 더하기 57은 얼마야?'\n"
      "         jamsu generate --chat --prompts questions.jsonl > replies.jsonl\n"
      "         jamsu generate --model stories260k --tokens 1 --max-tokens 100");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
