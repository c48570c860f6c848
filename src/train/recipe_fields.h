#pragma once
// The tables of recipe.h's sections. Internal to train/recipe*.cpp.
#include <string>
#include <variant>
#include <vector>

#include "train/recipe.h"

namespace jamsu::train {

template <class S>
struct RecipeField {
  const char* name;  // dotted where it lies in a table of the section
  const char* unit;
  const char* help;
  std::variant<int64_t S::*, double S::*, bool S::*, std::string S::*, double OptimizerOptions::*> member;
  double low = 0, high = 0;       // numbers
  const char* choices = nullptr;  // strings: "a|b|c"; null: any
};

const std::vector<RecipeField<DataRecipe>>& data_fields();
const std::vector<RecipeField<DataFile>>& file_fields();
const std::vector<RecipeField<TokenizerRecipe>>& tokenizer_fields();
const std::vector<RecipeField<StageRecipe>>& stage_fields();

// What [pretrain] and [sft] begin with.
StageRecipe pretrain_defaults();
StageRecipe sft_defaults();

// TOML text of a value.
std::string toml_text(int64_t value);
std::string toml_text(double value);
std::string toml_text(bool value);
std::string toml_text(const std::string& value);

// The member of a section's struct; the optimizer's lie inside a stage's.
template <class S, class V, class F>
void with_member(S& section, const V& member, F&& use) {
  std::visit(
      [&](auto pointer) {
        if constexpr (std::is_same_v<decltype(pointer), double OptimizerOptions::*>) {
          if constexpr (std::is_same_v<std::remove_const_t<S>, StageRecipe>) use(section.optimizer.*pointer);
        } else {
          use(section.*pointer);
        }
      },
      member);
}

}  // namespace jamsu::train
