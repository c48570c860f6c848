// jamsu tokenizer: train a byte-level BPE on generated tasks or a user's texts; encode a text.
#include "train/tokenizer.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>

#include "apps/verbs.h"
#include "unicode/text_file.h"

namespace jamsu::apps {
namespace {

struct TrainOptions {
  std::string recipe, out;
  std::vector<std::string> files;
  std::optional<int64_t> samples;  // empty: 20,000, but none beside texts of the user's own
  int32_t vocab = 2048;
  bool json = false;
};

int train_tokenizer(const TrainOptions& o) {
  train::DataRecipe data;
  if (!o.recipe.empty()) {
    const auto recipe = train::load_recipe(o.recipe);
    if (!recipe) return fail(recipe.error());
    data = recipe->data;
  }
  std::vector<std::string> texts;
  for (const std::string& path : o.files) {
    auto text = unicode::read_text_file(path);
    if (!text) return fail(text.error());
    texts.push_back(std::move(*text));
  }
  const int64_t samples = o.samples.value_or(texts.empty() ? 20'000 : 0);
  const auto result = train::make_tokenizer(data, samples, std::move(texts), o.vocab);
  if (!result) return fail(result.error());
  if (auto s = result->save(o.out); !s) return fail(s.error());
  if (o.json) {
    std::cout << boost::json::object{{"file", o.out},
                                     {"tokens", result->vocab_size()},
                                     {"samples", samples},
                                     {"texts", o.files.size()}}
              << "\n";
    return 0;
  }
  print("{}: {} tokens from {} generated problems and {} file(s)\n", o.out, result->vocab_size(), samples,
        o.files.size());
  return 0;
}

struct EncodeOptions {
  std::string tokenizer, text;
  bool json = false;
};

int encode(const EncodeOptions& o, const Globals& globals) {
  std::string path = o.tokenizer;
  if (path.empty()) {
    const auto model = hub::find_model("", globals.places);
    if (!model) return fail(model.error());
    path = *model;
  }
  const auto tokenizer = tokenizer::Tokenizer::load(path);
  if (!tokenizer) return fail(tokenizer.error());
  const std::vector<int32_t> ids = tokenizer->encode(o.text);
  if (o.json) {
    boost::json::array pieces;
    for (const int32_t id : ids) pieces.emplace_back(tokenizer->decode(std::vector<int32_t>{id}));
    std::cout << boost::json::object{{"ids", boost::json::array(ids.begin(), ids.end())}, {"pieces", pieces}} << "\n";
    return 0;
  }
  for (const int32_t id : ids) print("{}\t{}\n", id, tokenizer->decode(std::vector<int32_t>{id}));
  return 0;
}

}  // namespace

void add_tokenizer(Verb& app, Globals& globals) {
  auto* verb = app.add_subcommand("tokenizer", "train a byte-level BPE, or encode a text");
  verb->require_subcommand();
  verb->footer("Example: jamsu tokenizer train --recipe recipes/nano.toml --out tokenizer.json");
  auto train_options = std::make_shared<TrainOptions>();
  auto* train_verb =
      verb->add_subcommand("train", "train a tokenizer.json on your own texts, or on generated problems");
  train_verb->add_option("--recipe", train_options->recipe, "recipe whose mix of tasks and seed to use");
  train_verb->add_option("--text", train_options->files, "your own text files, which are learned from alone");
  train_verb
      ->add_option("--samples", train_options->samples,
                   "generated problems to learn from besides (default: 20000 without --text, 0 with it)")
      ->range(int64_t{0}, int64_t{10'000'000});
  train_verb->add_option("--vocab", train_options->vocab, "tokens, special ones and bytes included")
      ->range(300, 1'000'000);
  train_verb->add_option("--out", train_options->out, "tokenizer.json to write")->required();
  train_verb->add_flag("--json", train_options->json, "one JSON object");
  train_verb->footer("Example: jamsu tokenizer train --text book.txt --vocab 2048 --out tokenizer.json");
  train_verb->callback([train_options, &globals] { globals.exit_code = train_tokenizer(*train_options); });

  auto encode_options = std::make_shared<EncodeOptions>();
  auto* encode_verb = verb->add_subcommand("encode", "print the tokens of a text");
  encode_verb->add_option("--tokenizer", encode_options->tokenizer,
                          "tokenizer.json or a model's folder (default: pretrained/nano)");
  encode_verb->add_option("text", encode_options->text, "the text")->required();
  encode_verb->add_flag("--json", encode_options->json, "one JSON object");
  encode_verb->footer("Example: jamsu tokenizer encode '사과가 7개'");
  encode_verb->callback([encode_options, &globals] { globals.exit_code = encode(*encode_options, globals); });
}

}  // namespace jamsu::apps
