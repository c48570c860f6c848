// jamsu show MODEL: architecture, parameters, memory of weights and of KV by context.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>

#include "apps/verbs.h"
#include "models/open.h"
#include "text/chat_format.h"

namespace jamsu::apps {
namespace {

struct Options {
  std::string model;
  bool json = false;
};

std::string thousands(int64_t n) {
  std::string s = std::to_string(n);
  for (int64_t i = static_cast<int64_t>(s.size()) - 3; i > 0; i -= 3) s.insert(static_cast<size_t>(i), ",");
  return s;
}

double mib(int64_t bytes) {
  return static_cast<double>(bytes) / 1048576.0;
}

int run(const Options& o, const Globals& globals) {
  const auto folder = hub::find_model(o.model, globals.places);
  if (!folder) return fail(folder.error());
  const auto opened = models::describe_model(*folder, globals.numerics());
  if (!opened) return fail(opened.error());
  const models::Model& model = *opened->model;
  const models::ModelInfo& info = model.info();
  const auto policies = models::cache_policies(model);
  const auto chosen = policy_name(globals.cache_policy(model));
  boost::json::object kv;
  std::string kv_text;
  for (int64_t context = 1024; context <= std::max<int64_t>(info.context, 1024); context *= 4) {
    boost::json::object one;
    kv_text += fmt::format("  {:>9} tokens", thousands(context));
    for (const models::CachePolicy policy : policies) {
      const int64_t bytes = model.state_layout(policy).bytes_for(context);
      one[policy_name(policy)] = bytes;
      kv_text += fmt::format("   {:>10.2f} MiB", mib(bytes));
      if (policies.size() > 1) kv_text += fmt::format(" {}", policy_name(policy));
    }
    kv_text += "\n";
    kv[std::to_string(context)] = std::move(one);
  }
  const models::ParameterCount& count = info.parameters;
  if (o.json) {
    std::cout << boost::json::object{{"folder", *folder},
                                     {"architecture", info.architecture},
                                     {"parameters", count.total},
                                     {"active_parameters", count.active},
                                     {"mtp_parameters", count.mtp},
                                     {"weight_bytes", opened->file_bytes},
                                     {"stored_dtype", opened->stored_dtype},
                                     {"layers", info.layers},
                                     {"experts", info.experts},
                                     {"experts_per_token", info.experts_per_token},
                                     {"vocabulary", info.vocab},
                                     {"context", info.context},
                                     {"kv_bytes", kv},
                                     {"cache_policy", chosen}}
              << "\n";
    return 0;
  }
  print("{}\n", *folder);
  print("architecture  {}: {}\n", info.architecture, info.shape);
  print("parameters    {} total, {} active per token{}\n", thousands(count.total), thousands(count.active),
        count.mtp ? "; MTP module " + thousands(count.mtp) : "");
  print("vocabulary    {}   context {}\n", thousands(info.vocab), thousands(info.context));
  print("weights       {:.2f} MiB in {} file(s), mostly {}\n", mib(opened->file_bytes), opened->files,
        opened->stored_dtype);
  print("forward       {:.2f} MFLOP a token (attention over 512 tokens)\n", info.forward_flops(512) / 1e6);
  if (const auto format = text::ChatFormat::load(*folder))
    print("chat          template found; replies are split as {}{}\n",
          text::stream_format_name(format->stream_format()),
          format->stream_format() == text::StreamFormat::unknown
              ? ": its tool calls have marks of no format that is known here and stay in the reply's text"
              : "");
  else
    print("chat          no template that works: {}\n", format.error().message);
  print("memory of a sequence's state{}\n",
        policies.size() > 1 ? fmt::format(" (this model runs with {}; --cache chooses)", chosen) : "");
  print_lines(kv_text);
  return 0;
}

}  // namespace

void add_show(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("show", "architecture, parameters, memory of weights and of the cache by context");
  verb->add_option("model", options->model, kModelHelp);
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Example: jamsu show pretrained/nano");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps
