#pragma once
// A trained model as an ordinary Hugging Face folder: config.json, generation_config.json, model.safetensors,
// tokenizer.json, tokenizer_config.json, chat_template.jinja.
#include <array>
#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>

#include "base/files.h"
#include "tokenizer/tokenizer.h"
#include "train/trainer.h"

namespace jamsu::train {

struct ExportOptions {
  std::string chat_template;  // its text; empty: none is written
  bool mtp_copies = true;     // the official copies of embedding and head in the MTP module
  // Files by name that are written as they are, in place of those that would be made here: what stood beside the
  // weights in the folder that training started from (files_beside).
  std::map<std::string, std::string> beside = {};
  FileOps* files = &system_files();
};

// Writes the model into `folder`.tmp, which then takes the place of `folder`: a model that stood there is replaced as a
// whole (files that are no part of a model go along), and after an Error it is as it was. `config` is the official
// config.json that the trainer's model was created from, its bos and eos ids are those of the tokenizer; what is
// written says BF16 and kNumericsVersion besides.
Status export_model(const std::string& folder, const Trainer& trainer, const boost::json::object& config,
                    const tokenizer::Tokenizer& tokenizer, const ExportOptions& options);

// The config of a model that is trained from nothing as it goes with this tokenizer: vocab_size checked against it;
// bos, eos and pad ids by the names that tokenizers trained here use.
Result<boost::json::object> with_tokenizer(boost::json::object config, const tokenizer::Tokenizer& tokenizer);

// What stands beside the weights of a model's folder and goes along when another is trained from it: everything that
// says how text becomes tokens and how the model wants to be asked, all its chat templates and its code (*.py) too;
// names of what lies in a folder of its own begin with the folder's. Errors: a file cannot be read.
Result<std::map<std::string, std::string>> files_beside(const std::string& folder);
// Those of them that belong to the tokenizer: with another one they are made anew.
inline constexpr std::array<std::string_view, 13> kTokenizerFiles = {"tokenizer_config.json",
                                                                     "tokenizer.json",
                                                                     "added_tokens.json",
                                                                     "special_tokens_map.json",
                                                                     "vocab.json",
                                                                     "merges.txt",
                                                                     "tokenizer.model",
                                                                     "tiktoken.model",
                                                                     "tokenizer.model.v3",
                                                                     "tekken.json",
                                                                     "spiece.model",
                                                                     "vocab.txt",
                                                                     "sentencepiece.bpe.model"};
// The template in files_beside: chat_template.jinja, and a copy in tokenizer_config.json where that file is there. Named
// ones for special cases (additional_chat_templates) go.
// Errors: it is no JSON object.
Status replace_chat_template(std::map<std::string, std::string>& files, const std::string& chat_template);

}  // namespace jamsu::train
