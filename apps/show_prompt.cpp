#include "apps/show_prompt.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>

#include "apps/verbs.h"

namespace jamsu::apps {

int show_prompts(const session::Session& session, const std::vector<session::ChatRequest>& requests, bool json) {
  int code = 0;
  for (const session::ChatRequest& request : requests) {
    const auto prompt = session.prompt(request);
    if (!prompt) code = 1;
    if (!json && requests.size() == 1) {
      if (!prompt) return fail(prompt.error());
      print_lines(session.tokenizer().decode(prompt->ids) + "\n");
      for (const std::string& warning : prompt->warnings) say(warning);
      continue;
    }
    boost::json::object line;
    if (prompt) {
      line["prompt_text"] = session.tokenizer().decode(prompt->ids);
      line["prompt_tokens"] = prompt->ids.size();
      if (!prompt->warnings.empty()) line["warnings"] = boost::json::value_from(prompt->warnings);
    } else {
      line["error"] = prompt.error().message;
    }
    std::cout << line << "\n";
  }
  return code;
}

}  // namespace jamsu::apps
