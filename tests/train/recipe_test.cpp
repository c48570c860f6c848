// Recipes: what is read, what is refused and how, and that `explain` says everything.
#include "train/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/files.h"
#include "base/rng.h"
#include "models/open.h"

namespace jamsu::train {
namespace {

const std::string kFolder = std::string(JAMSU_SOURCE_DIR) + "/recipes/";

// A recipe of its own: those under recipes/ are tuned.
std::string nano() {
  return *read_file(std::string(JAMSU_SOURCE_DIR) + "/tests/train/data/recipe.toml");
}

// nano.toml with one text replaced; it must be there.
std::string with(const std::string& from, const std::string& to, std::string text = nano()) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}
size_t line_of(const std::string& text, const std::string& what) {
  return 1 +
         static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(text.find(what)), '\n'));
}
std::string error_of(const std::string& text) {
  const auto r = parse_recipe(text, "recipes/nano.toml");
  return r ? "" : r.error().message;
}

TEST(recipe, nano_has_the_shape_of_the_issue) {
  const auto r = load_recipe(kFolder + "nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  const auto model = models::create_model(r->model, ops::Numerics::bf16, "nano.toml");
  ASSERT_TRUE(model.ok()) << model.error().message;
  const models::ParameterCount& p = (*model)->info().parameters;
  EXPECT_NEAR(static_cast<double>(p.total), 3.15e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(p.active), 1.42e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(p.mtp), 0.52e6, 0.005e6);
  EXPECT_EQ(r->folder + "/", kFolder);
  ASSERT_TRUE(r->pretrain && r->sft);
  EXPECT_EQ(r->pretrain->loss_on, "all");
  EXPECT_GE(r->pretrain->retry_percent, 30);
  EXPECT_LE(r->pretrain->retry_percent, 50);
  EXPECT_EQ(r->sft->loss_on, "reply");
  EXPECT_EQ(r->sft->retry_percent, 0);
}

TEST(recipe, tokens_become_steps) {
  const auto r = parse_recipe(nano(), "nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->folder, ".");
  EXPECT_EQ(r->pretrain->total_steps(), 7325);
  EXPECT_EQ(r->pretrain->data_options(r->data.seed).rows, 8);
  const Schedule s = r->pretrain->learning_rate();
  EXPECT_EQ(s.kind, ScheduleKind::wsd_linear);
  EXPECT_EQ(s.warmup, 123);  // 1M tokens in steps of 8,192
  EXPECT_EQ(s.decay, 1465);
  EXPECT_DOUBLE_EQ(r->pretrain->step_options(5000).learning_rate, 2.5e-3);
  EXPECT_DOUBLE_EQ(r->pretrain->step_options(7325).learning_rate, 0.0);
}

TEST(recipe, tiny_is_read) {
  const auto r = load_recipe(kFolder + "tiny.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->model.at("hidden_size"), 256);
  EXPECT_EQ(r->model.at("num_hidden_layers"), 8);
  EXPECT_EQ(r->model.at("intermediate_size"), 768);
  EXPECT_EQ(r->model.at("moe_intermediate_size"), 128);
}

TEST(recipe, errors_name_line_and_field) {
  struct Case {
    std::string from, to, says;
  };
  const Case cases[] = {
      {"batch_tokens = 8192", "batch_tokens = 8000",
       "pretrain.batch_tokens = 8000 is not a multiple of context = 1024."},
      {"micro_batch_tokens = 8192", "micro_batch_tokens = 3072",
       "pretrain.batch_tokens = 8192 is not a multiple of micro_batch_tokens = 3072."},
      {"context = 1024\nretry", "gradient_slots = 2\nretry",
       "pretrain.gradient_slots = 2 does not divide the 1 micro-batches of a step."},
      {"context = 1024\nretry", "context = 2048\nretry",
       "pretrain.context = 2048 is larger than model.max_position_embeddings = 1024."},
      {"tokens = 60e6\n", "tokns = 60e6\n", "pretrain.tokns is not a field of a recipe; did you mean \"tokens\"?"},
      {"tokens = 60e6\n", "tokens = 60.5\n", "pretrain.tokens = 60.5 is not a whole number."},
      {"tokens = 60e6\n", "tokens = \"60e6\"\n", "is not a whole number."},
      {"tokens = 60e6\n", "tokens = 0\n", "pretrain.tokens = 0 is not between 1 and 1e+15."},
      {"retry_percent = 40", "retry_percent = 101", "pretrain.retry_percent = 101 is not between 0 and 100."},
      {"retry_percent = 40", "document_mask = 1", "pretrain.document_mask = 1 is not true or false."},
      {"retry_percent = 40", "loss_on = \"answer\"", "pretrain.loss_on = \"answer\" is none of all|reply."},
      {"schedule = \"wsd\", decay_fraction = 0.2", "schedule = \"cosine\", decay_fraction = 0.2",
       "pretrain.learning_rate.decay_fraction has no use with schedule = \"cosine\"."},
      {"schedule = \"wsd\", decay_fraction = 0.2", "schedule = \"wsd\", v3_mid = 0.2",
       "pretrain.learning_rate.v3_mid has no use with schedule = \"wsd\"."},
      {"warmup_tokens = 1e6", "warmup_tokens = 55e6",
       "pretrain.learning_rate: a warm-up of 6714 steps and a decay of 1465 do not fit into 7325."},
      {"peak = 2.5e-3", "peak = nan", "pretrain.learning_rate.peak = nan is not a number."},
      {"peak = 2.5e-3", "peek = 2.5e-3",
       "pretrain.learning_rate.peek is not a field of a recipe; did you mean \"peak\"?"},
      {"learning_rate = { peak", "learning_rate = 1 # { peak", "pretrain.learning_rate is no table."},
      {"optimizer = { beta1 = 0.9", "optimizer = { beta1 = 1.0",
       "pretrain.optimizer.beta1 = 1.0 is not between 0 and 0.999999."},
      {"talk = 5", "talk = 6", "data.mix adds up to 101 percent, not 100."},
      {"seed = 7", "seeds = 7", "data.seeds is not a field of a recipe; did you mean \"seed\"?"},
      {"n_group = 4", "n_group = 3", "model: \"n_group\" = 3 does not divide \"n_routed_experts\" = 16."},
      {"n_group = 4", "n_group = 4\nhiden = 4",
       "model: \"hiden\" is not a field this program knows for DeepseekV3ForCausalLM."},
      {"hidden_size = 128", "hidden_size = 0", "model: \"hidden_size\" = 0 is not between 1 and"},
      {"num_nextn_predict_layers = 1", "num_nextn_predict_layers = 0",
       "pretrain.mtp_lambda = 0.3 where model.num_nextn_predict_layers = 0."},
      {"[data]", "[dta]", "[dta] is not a section of a recipe"},
      {"[data]", "[data", "expected"},
      {"seed = 7", "seed = # 7", ""},
      {"seed = 7", "seed = ,", ""},
      {"seed = 7", "seed = 7\nseed = 8", "redefine"},
  };
  for (const Case& c : cases) {
    const std::string text = with(c.from, c.to), error = error_of(text);
    EXPECT_NE(error.find(c.says), std::string::npos) << c.to << "\n  says: " << error << "\n  want: " << c.says;
    EXPECT_EQ(error.rfind("recipe nano.toml:", 0), 0u) << error;
  }
  // The line is the one of the field.
  const std::string text = with("batch_tokens = 8192", "batch_tokens = 8000");
  EXPECT_EQ(error_of(text), "recipe nano.toml:" + std::to_string(line_of(text, "batch_tokens = 8000")) +
                                ": pretrain.batch_tokens = 8000 is not a multiple of context = 1024.");
  const std::string grouped = with("n_group = 4", "n_group = 3");
  EXPECT_EQ(error_of(grouped).rfind("recipe nano.toml:" + std::to_string(line_of(grouped, "n_group = 3")) + ": ", 0),
            0u)
      << error_of(grouped);
  EXPECT_EQ(error_of(""), "recipe nano.toml: [model] is missing.");
  EXPECT_EQ(error_of(nano().substr(0, nano().find("[pretrain]"))),
            "recipe nano.toml: neither [pretrain] nor [sft] is there: nothing to do.");
  EXPECT_NE(error_of(with("hidden_size = 128\n", "")).find("model: \"hidden_size\" is missing"), std::string::npos);
  EXPECT_NE(error_of(with("tokens = 60e6\n", "")).find("pretrain.tokens is missing"), std::string::npos);
  // What is misspelled is missing under its right name too, and is said first, wherever it stands.
  EXPECT_NE(error_of(with("hidden_size = 128\n", "hiden_size = 128\n"))
                .find("model: \"hiden_size\" is not a field this program knows for DeepseekV3ForCausalLM; did you mean "
                      "\"hidden_size\"?"),
            std::string::npos);
  EXPECT_NE(error_of(with("tokens = 60e6\n", "token = 60e6\n"))
                .find("pretrain.token is not a field of a recipe; did you mean \"tokens\"?"),
            std::string::npos);
  EXPECT_NE(error_of("[pretrain]\n[sft]\ntokens = 1\npeak = 1\n").find(":4: sft.peak is not a field of a recipe"),
            std::string::npos);
  EXPECT_NE(error_of("[[data.files]]\npth = \"a\"\n").find(":2: data.files.pth is not a field of a recipe"),
            std::string::npos);
  EXPECT_NE(load_recipe("none.toml").error().message.find("recipe none.toml: cannot be read"), std::string::npos);
}

// toml++ asks whether each is white space, which it knows of some letters only (UBSan).
TEST(recipe, letters_where_white_space_may_stand) {
  for (const std::string letter : {"é", "Ā", "ᚠ", "→", "⼀", "가", "ﬀ", "\xEF\xBB\xBE", "😀"})
    for (const std::string& text : {letter + " = 1", " " + letter, "seed =" + letter + "7", "seed = 7" + letter,
                                    "[" + letter + "]", "seed = [" + letter + "]", "s = \"\"\"\\" + letter + "\"\"\""})
      EXPECT_EQ(error_of(text).rfind("recipe nano.toml", 0), 0u) << text << ": " << error_of(text);
  EXPECT_NE(error_of("seed\u00A0= 7").find("expected space or tab, saw '\\u00A0'"), std::string::npos);
}

TEST(recipe, files_of_the_user) {
  const std::string files =
      "[data]\nfiles = [{ path = \"a.txt\", weight = 3, split = \"blank_lines\" }, { path = \"b.jsonl\" }]\n";
  const auto r = parse_recipe(with("[data]\n", files), "x/nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->data.files, (std::vector<DataFile>{{"a.txt", 3, "blank_lines"}, {"b.jsonl", 1, "none"}}));
  EXPECT_NE(error_of(with("b.jsonl", "b.csv", with("[data]\n", files))).find("is none of .txt, .md, .jsonl and"),
            std::string::npos);
  EXPECT_NE(error_of(with("a.txt", "a.jsonl", with("[data]\n", files))).find("each line is a document"),
            std::string::npos);
  EXPECT_NE(error_of(with("[data]\n", "[data]\nfiles = [1]\n")).find("data.files is no list of tables"),
            std::string::npos);
  EXPECT_NE(error_of(with("[data]\n", "[data]\ntasks_weight = 0\n")).find("there is nothing to train on"),
            std::string::npos);
}

TEST(recipe, explain_says_all_and_is_itself_a_recipe) {
  const std::string files = "[data]\nfiles = [{ path = \"한글 \\\"a\\\".txt\", weight = 3 }]\n";
  const auto r = parse_recipe(with("[data]\n", files), "nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  const std::string text = explain(*r);
  const auto again = parse_recipe(text, "nano.toml");
  ASSERT_TRUE(again.ok()) << again.error().message << "\n" << text;
  EXPECT_EQ(explain(*again), text);
  EXPECT_EQ(again->data.files, r->data.files);
  EXPECT_EQ(again->model, r->model);
  EXPECT_EQ(again->pretrain->optimizer.eps, r->pretrain->optimizer.eps);
  // Every documented field of the sections stands there with its help, but for those the schedule does not use, and of
  // the two lengths the one that is not given.
  for (const auto& doc : recipe_field_docs()) {
    EXPECT_FALSE(doc.help.empty()) << doc.section << "." << doc.name;
    if (doc.name.find("v3_") == std::string::npos && doc.name != "epochs") {
      EXPECT_NE(text.find("\n" + doc.name + " = "), std::string::npos) << doc.name;
      EXPECT_NE(text.find(doc.help), std::string::npos) << doc.name;
    }
  }
  EXPECT_NE(explain(*parse_recipe(with("\"wsd\", decay_fraction = 0.2", "\"v3\""), "nano.toml"))
                .find("learning_rate.v3_mid_ratio = 0.1"),
            std::string::npos);
}

// Of [model] too, what is no row of its table.
TEST(recipe, explain_keeps_the_activation_and_the_rotation) {
  const auto r =
      parse_recipe(with("qk_rope_head_dim = 16\n",
                        "qk_rope_head_dim = 16\nhidden_act = \"gelu_new\"\n"
                        "rope_scaling = { type = \"longrope\", factor = 4, original_max_position_embeddings = "
                        "128, short_factor = [1, 1, 1, 1, 1, 1, 1, 2], long_factor = [1, 2, 3, 4, 5, 6, 7.5, "
                        "8] }\n"),
                   "nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->model.at("hidden_act"), "gelu_pytorch_tanh");
  const auto again = parse_recipe(explain(*r), "nano.toml");
  ASSERT_TRUE(again.ok()) << again.error().message << "\n" << explain(*r);
  EXPECT_EQ(again->model, r->model);
}

TEST(recipe, epochs_instead_of_tokens_and_what_is_kept_from_training) {
  const std::string files = "[data]\nfiles = [{ path = \"a.txt\" }]\n";
  const std::string by_epochs = with("tokens = 60e6\n", "epochs = 2.5\n", with("[data]\n", files));
  const auto r = parse_recipe(by_epochs, "nano.toml");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->pretrain->epochs, 2.5);
  EXPECT_EQ(r->pretrain->tokens, 0);
  const std::string text = explain(*r);
  EXPECT_NE(text.find("\nepochs = 2.5 "), std::string::npos);
  ASSERT_TRUE(parse_recipe(text, "nano.toml").ok());
  EXPECT_EQ(explain(*parse_recipe(text, "nano.toml")), text);
  EXPECT_NE(error_of(with("tokens = 60e6\n", "tokens = 60e6\nepochs = 2\n", with("[data]\n", files)))
                .find("pretrain.epochs and tokens are both there"),
            std::string::npos);
  EXPECT_NE(error_of(with("tokens = 60e6\n", "epochs = 2\n")).find("pretrain.epochs without [[data.files]]"),
            std::string::npos);
  EXPECT_NE(error_of(with("epochs = 2.5", "epochs = 0", by_epochs)).find("is not between"), std::string::npos);

  const auto kept = [&](const std::string& validation, bool with_files = true) {
    return with("[data]\n", (with_files ? files : "[data]\n") + "validation = " + validation + "\n");
  };
  const auto share = parse_recipe(kept("{ percent = 5, tokens = 1000 }"), "nano.toml");
  ASSERT_TRUE(share.ok()) << share.error().message;
  EXPECT_EQ(share->data.validation_percent, 5);
  EXPECT_EQ(share->data.validation_tokens, 1000);
  EXPECT_EQ(parse_recipe(kept("{ file = \"b.txt\" }"), "nano.toml")->data.validation_file, "b.txt");
  EXPECT_NE(error_of(kept("{ percent = 5, file = \"b.txt\" }")).find("has a file and a percentage"), std::string::npos);
  EXPECT_NE(error_of(kept("{ percent = 5 }", false)).find("nothing to take a share of"), std::string::npos);
  EXPECT_NE(error_of(kept("{ percent = 51 }")).find("is not between 0 and 50"), std::string::npos);
  EXPECT_NE(error_of(kept("5")).find("data.validation is no table"), std::string::npos);
}

// TOML 1.1: what it adds to 1.0 is read, and means what the spelling of 1.0 means.
TEST(recipe, toml_1_1) {
  const std::string table =
      "learning_rate = { peak = 2.5e-3, warmup_tokens = 1e6, schedule = \"wsd\", decay_fraction = 0.2 }";
  const std::string lines =
      "learning_rate = {  # over several lines\n  peak = 2.5e-3,\n  warmup_tokens = 1e6, # one\n\n  schedule = "
      "\"w\\x73d\",\n  decay_fraction = 0.2,\n}";
  const auto old = parse_recipe(nano(), "nano.toml"), now = parse_recipe(with(table, lines), "nano.toml");
  ASSERT_TRUE(old.ok()) << old.error().message;
  ASSERT_TRUE(now.ok()) << now.error().message;
  EXPECT_EQ(explain(*now), explain(*old));
  const auto nested = parse_recipe(
      with("[data]\n", "[data]\nfiles = [\n  {\n    path = \"\\e[1m.txt\",\n    weight = 2,\n  },\n]\n"), "nano.toml");
  ASSERT_TRUE(nested.ok()) << nested.error().message;
  EXPECT_EQ(nested->data.files.at(0).path, "\x1B[1m.txt");
  // Lines of errors are still counted.
  const std::string wrong = with(table, with("peak = 2.5e-3", "peek = 2.5e-3", lines));
  EXPECT_EQ(error_of(wrong).rfind("recipe nano.toml:" + std::to_string(line_of(wrong, "peek")) + ": ", 0), 0u)
      << error_of(wrong);
  for (const char* bad : {"{ , }", "{ peak = 1e-3,, }", "{ peak = 1e-3", "{\n", "{ peak = 1e-3 # }"})
    EXPECT_EQ(error_of(with(table, std::string("learning_rate = ") + bad)).rfind("recipe nano.toml", 0), 0u) << bad;
}

// 10,000 seeded mutations of nano.toml: an error that names the recipe, or a recipe that explains itself.
TEST(recipe, mutations) {
  const std::string good = nano();
  int taken = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    RandomStream random(13, i, Purpose::mutation);
    std::string text = good;
    for (uint32_t edits = 1 + random.below(3); edits > 0; --edits) {
      const size_t at = random.below(static_cast<uint32_t>(text.size()));
      switch (random.below(4)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text[at] = "0123456789{}[]\"=,.-e#\n"[random.below(22)];
          break;
        case 2:
          text.erase(at, 1 + random.below(20));
          break;
        default:
          text.insert(at, text.substr(random.below(static_cast<uint32_t>(text.size())), 1 + random.below(20)));
          break;
      }
    }
    const auto r = parse_recipe(text, "m.toml");
    if (r) {
      ++taken;
      EXPECT_TRUE(parse_recipe(explain(*r), "m.toml").ok()) << explain(*r);
    } else {
      EXPECT_EQ(r.error().message.rfind("recipe m.toml", 0), 0u) << r.error().message;
    }
  }
  EXPECT_GT(taken, 500);
  EXPECT_LT(taken, 9'500);
}

}  // namespace
}  // namespace jamsu::train
