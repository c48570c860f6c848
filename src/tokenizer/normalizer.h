#pragma once
// The normalizer of a tokenizer.json: a chain of steps, each of which makes a text of a text. The kinds stand in the
// table of normalizer_steps.cpp.
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jamsu::tokenizer {

struct NormalizerStep {
  enum class Effect : uint8_t {
    none,       // `out` was not used
    changed,    // `out` has the new text
    cut_front,  // and what the old one began with is gone: for `tokenizers` the rest is not the start of the input
  };
  // `out` comes empty. REQUIRES: valid UTF-8, not empty. Thread-safe.
  std::function<Effect(std::string_view text, std::string& out)> run;
  enum class Scope : uint8_t {
    characters,  // what becomes of a character depends on its neighbours at most
    matches,     // of a pattern, wherever it stands
    ends         // of the text
  } scope = Scope::characters;
  double growth = 1;  // how many times longer it can make a text
};

struct NormalizerKind {
  std::string_view type;
  Result<NormalizerStep> (*read)(const boost::json::object& object, const std::string& where);
};
std::span<const NormalizerKind> normalizer_kinds();

class Normalizer {
 public:
  // null: none. A kind that is neither Sequence nor one of the table is an error; `where` names file and field.
  static Result<Normalizer> from_json(const boost::json::value& json, const std::string& where);
  // The text as pre-tokenizer and model see it; `owner` holds it where it is another. `at_start`, where it is given,
  // becomes false when the text begins with what did not stand there. REQUIRES: valid UTF-8. Thread-safe.
  std::string_view run(std::string_view text, std::string& owner, bool* at_start = nullptr) const;
  // What a text becomes that stands inside another: without what is done at a text's ends.
  std::string run_inside(std::string text) const;
  // What its characters become alone (NFC, Lowercase, Precompiled ...).
  std::string composed(std::string text) const;

 private:
  Status add(const boost::json::value& json, const std::string& where);
  std::string run_up_to(NormalizerStep::Scope scope, std::string text) const;
  std::vector<NormalizerStep> steps_;
  double growth_ = 1;
};

}  // namespace jamsu::tokenizer
