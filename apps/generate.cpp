// jamsu generate: continues texts, or with --chat replies to them; one, or a file of them.
#include <fmt/format.h>

#include <iostream>

#include "apps/open_session.h"
#include "base/files.h"
#include "formats/strict_json.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model, prompt, prompts;
  bool chat = false, json = false;
  SamplingOptions sampling;
};

// One prompt a line: {"prompt": "..."}; other members are kept and given back.
Result<std::vector<boost::json::object>> read_prompts(const std::string& path) {
  const auto text = read_file(path);
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
    if (!prompt || !prompt->is_string()) return Error{where + ": not an object with a string \"prompt\""};
    prompts.push_back(value->as_object());
  }
  if (prompts.empty()) return Error{path + ": no prompts"};
  return prompts;
}

int run(const Options& o, const Globals& globals) {
  if (o.prompt.empty() == o.prompts.empty()) return fail("generate: give one of -p TEXT and --prompts FILE");
  if (!o.chat && o.sampling.think != "auto") return fail("generate: --think is of the chat format; add --chat");
  std::vector<boost::json::object> prompts{{{"prompt", o.prompt}}};
  if (!o.prompts.empty()) {
    auto read = read_prompts(o.prompts);
    if (!read) return fail(read.error());
    prompts = std::move(*read);
  }
  const auto open = open_session("generate", o.model, globals, {}, o.chat);
  if (!open) return fail(open.error());
  std::vector<session::ChatRequest> requests;
  for (const auto& p : prompts) {
    session::ChatRequest r = make_request(o.sampling);
    std::string text(p.at("prompt").as_string());
    if (o.chat)
      r.messages = {{"user", std::move(text), ""}};
    else
      r.continued = std::move(text);
    requests.push_back(std::move(r));
  }
  int failed = 0;
  const auto replies =
      (*open)->session->chat_all(requests, [&](size_t, const session::Reply& reply) { (*open)->count(reply); });
  for (size_t i = 0; i < replies.size(); ++i) {
    failed += !replies[i].done.error.empty();
    if (o.json || !o.prompts.empty()) {
      boost::json::object line = prompts[i];
      for (auto& [key, value] : to_json(replies[i])) line[key] = value;
      std::cout << line << "\n";
    } else if (!replies[i].done.error.empty()) {
      return fail(replies[i].done.error);
    } else {
      if (!replies[i].reasoning.empty()) fmt::print("<think>\n{}\n</think>\n", replies[i].reasoning);
      fmt::print("{}\n", replies[i].content);
    }
  }
  (*open)->account->finish(failed ? ledger::Ending::failed : ledger::Ending::finished);
  return failed ? 1 : 0;
}

}  // namespace

void add_generate(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("generate", "continue a text, or reply to it (--chat); one, or a file of them");
  verb->add_option("-p,--prompt", options->prompt, "the text");
  verb->add_option("--prompts", options->prompts,
                   "JSONL file, an object with \"prompt\" a line; one JSON object a line comes back");
  verb->add_option("--model", options->model, "folder, or a name under $JAMSU_HOME/models (default: pretrained/nano)");
  verb->add_flag("--chat", options->chat,
                 "the text is a question: ask it in the model's chat format. Without this the text is "
                 "continued as it stands");
  verb->add_flag("--json", options->json, "one JSON object");
  add_sampling_options(*verb, options->sampling);
  verb->footer(
      "Example: jamsu generate --chat -p '48 더하기 57은 얼마야?'\n"
      "         jamsu generate --chat --prompts questions.jsonl > replies.jsonl");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
