#pragma once
// A trained model as an ordinary Hugging Face folder: config.json, generation_config.json, model.safetensors,
// tokenizer.json, tokenizer_config.json, chat_template.jinja.
#include <string>

#include "base/files.h"
#include "models/config/deepseek_v3.h"
#include "tokenizer/tokenizer.h"
#include "train/trainer.h"

namespace jamsu::train {

struct ExportOptions {
  std::string chat_template;  // its text; empty: none is written
  bool mtp_copies = true;     // the official copies of embedding and head in the MTP module
  FileOps* files = &system_files();
};

// Writes the model into `folder`.tmp, which then takes the place of `folder`: a model that stood there is replaced as a
// whole (files that are no part of a model go along), and after an Error it is as it was. bos and eos ids come from the
// config.
Status export_model(const std::string& folder, const Trainer& trainer, const models::DeepseekV3Config& config,
                    const tokenizer::Tokenizer& tokenizer, const ExportOptions& options);

// The config as it goes with this tokenizer: vocab_size checked against it, bos and eos ids by name.
Result<models::DeepseekV3Config> with_tokenizer(models::DeepseekV3Config config, const tokenizer::Tokenizer& tokenizer);

}  // namespace jamsu::train
