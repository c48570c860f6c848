#pragma once
// What a session tells of a reply as it comes. Text is complete UTF-8.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/sink.h"
#include "engine/engine.h"
#include "text/stream/parser.h"

namespace jamsu::session {

// The pieces of a reply, told apart by the format that the chat template writes (text/stream/parser.h).
struct ReasoningPiece {
  std::string text;
};
struct ContentPiece {
  std::string text;
};
// An end of reasoning that nothing began: all content so far was reasoning. At most once, before any call.
struct ContentWasReasoning {};
// A tool call as it is written, one at a time: begin, arguments (any number of times), end.
struct CallBegin {
  text::StreamCall call;
};
struct CallArguments {
  std::string text;
};
struct CallEnd {
  bool complete = false, valid = false;  // its end was seen; the arguments are JSON
};
// Where ChatRequest::tokens asks for it: each token that was sampled, before the text that it completes. Marks, the end
// token and a stop text have their tokens too.
struct TokenPiece {
  int32_t id = 0;
  float logprob = 0;       // by the untouched logits
  bool reasoning = false;  // within the thinking; the mark that closes it is
};
// Output tokens count the end token, reasoning tokens the mark that closes the thinking.
struct Done {
  engine::FinishReason reason = engine::FinishReason::stop_token;  // for a text of `stop` too
  std::string stop;                                                // the one of the request that came; else empty
  bool looped = false;                                             // ended as a loop (ChatRequest::end_loops): length
  std::string error;
  int64_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0, reasoning_tokens = 0;
  int64_t dropped_tokens = 0;                 // computed beyond a stop, part of nothing (engine::Finished)
  double seconds = 0, reasoning_seconds = 0;  // from submission; while reasoning came
  std::vector<std::string> warnings =
      {};  // in sentences: what of the messages the prompt lacks, what of the reply could not be read
};
using Event = std::variant<ReasoningPiece, ContentPiece, ContentWasReasoning, CallBegin, CallArguments, CallEnd, Done,
                           TokenPiece>;
// As engine::EventSink: called from a thread that delivers, in order, Done last; may answer SinkAnswer::stop, after
// which only Done comes.
using EventSink = Sink<Event>;

}  // namespace jamsu::session
