#pragma once
// The words of formats that write calls as tags: a row for each.
#include <array>
#include <string_view>

#include "text/stream/parser.h"

namespace jamsu::text {

struct TaggedWords {
  StreamFormat format;
  std::string_view think = "<think>", think_end = "</think>";  // empty: no reasoning
  std::string_view content = {};                               // ThinkFamily::Tags, as is passed
  std::array<std::string_view, 2> passed = {};
  std::string_view section = {}, section_end = {};  // empty: calls stand alone
  std::string_view call = {};                       // empty: the section's mark begins one
  std::string_view name_end = ">";                  // empty: a line feed or the next mark
  std::string_view call_end = {};                   // empty: the section's end
  std::string_view parameter, key_end = ">";
  std::string_view value = {};  // empty: it follows the key at once
  std::string_view parameter_end;
  std::array<std::string_view, 2> object = {};  // marks around arguments that are one object
  // Behind a name stand attributes, and & and " are written as in XML; `type` says of a parameter that no schema has
  // whether it is a string.
  bool attributes = false;
  bool lines = false;  // a line feed at each end of a value belongs to its tags
  std::array<std::string_view, 4> ends = {};
};

const TaggedWords& tagged_words(StreamFormat format);

}  // namespace jamsu::text
