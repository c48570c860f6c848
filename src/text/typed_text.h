#pragma once
// Whose words are marks. What a person typed may spell special tokens, and they stay letters; the model's own words may
// hold its marks (thinking, tool calls), and these are meant. While a template handles the text, places that are to stay
// letters are hidden, so that no template text joins them and no search finds them.
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_format.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::text {

// The added tokens of a tokenizer by what they are to a chat template. Never changes.
class Marks {
 public:
  Marks(const tokenizer::TokenizerData& data, const ChatFormat& format);

  // Which tokens stay letters in whose text.
  const tokenizer::AddedTokenMatcher& in_typed() const { return typed_; }  // a person's: all
  const tokenizer::AddedTokenMatcher& in_said() const { return said_; }    // the assistant's: those that part turns
  const tokenizer::AddedTokenMatcher& in_answer() const {
    return answer_;
  }  // behind its thinking: beginnings of it too
  const tokenizer::AddedTokenMatcher& in_thought() const {
    return thought_;
  }  // its thinking: all marks of thinking too
  // Where the last mark of the text that ends thinking ends; 0: there is none.
  size_t end_of_thinking(std::string_view text) const;

 private:
  tokenizer::AddedTokenMatcher typed_, said_, answer_, thought_;
  std::vector<std::string> ends_;  // of thinking
};

// The texts of one prompt. Hidden places stand as \uFDD0 NUMBER \uFDD1: noncharacters of Unicode, which stand for
// themselves nowhere; one that was typed is such a place too.
class TypedText {
 public:
  TypedText(const Marks& marks, const tokenizer::Normalizer& normalizer) : marks_(marks), normalizer_(normalizer) {}

  std::string typed(std::string_view raw) { return hide(plain(raw), marks_.in_typed()); }
  // An assistant's content. A mark that begins thinking which nothing ends is a letter as every other.
  std::string said(std::string_view raw);
  std::string thought(std::string_view raw) { return hide(plain(raw), marks_.in_thought()); }
  // Every string of it is typed, names of members included.
  boost::json::value typed(const boost::json::value& value);

  // The text with its hidden places as they were.
  std::string show(std::string_view text) const;
  // What `raw` is to the tokenizer's normalizer (NFC, NFKC), valid UTF-8: how it stands in shown text.
  std::string plain(std::string_view raw) const;

 private:
  std::string hide(std::string_view text, const tokenizer::AddedTokenMatcher& letters);

  const Marks& marks_;
  const tokenizer::Normalizer& normalizer_;
  std::vector<std::string> places_;
};

}  // namespace jamsu::text
