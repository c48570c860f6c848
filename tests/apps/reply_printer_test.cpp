#include "apps/reply_printer.h"

#include <gtest/gtest.h>

namespace jamsu::apps {
namespace {

using session::ContentPiece;
using session::ReasoningPiece;
using Thinking = ReplyLook::Thinking;

std::string shown(Thinking thinking, const std::vector<session::Event>& events) {
  testing::internal::CaptureStdout();
  ReplyPrinter printer({.thinking = thinking});
  for (const session::Event& event : events) printer.take(event);
  printer.take(session::Done{});
  return testing::internal::GetCapturedStdout();
}

TEST(ReplyPrinter, LineEndsAroundTheThinkingAreNotShown) {
  const struct {
    std::vector<session::Event> events;
    std::string marks, no;
  } cases[] = {
      {{ReasoningPiece{"\n"}, ReasoningPiece{"\na\n"}, ReasoningPiece{"\n b\n"}, ReasoningPiece{"\n"},
        ContentPiece{"\n"}, ContentPiece{"\nc\n"}, ContentPiece{"\nd"}},
       "<think>\na\n\n b\n</think>\nc\n\nd\n",
       "c\n\nd\n"},
      {{ReasoningPiece{"\n\n"}, ContentPiece{"\n\nc"}}, "c\n", "c\n"},
      {{ReasoningPiece{"\n"}, ReasoningPiece{" "}, ContentPiece{"c"}}, "<think>\n \n</think>\nc\n", "c\n"},
      {{ContentPiece{"\n"}, ContentPiece{"\nc\n"}}, "\n\nc\n\n", "\n\nc\n\n"},  // a text that is gone on with
      {{ReasoningPiece{"a\n"}}, "<think>\na\n</think>\n\n", "\n"},
      {{ContentPiece{"a"}, session::ContentWasReasoning{}, ContentPiece{"\n\nc"}},
       "a\n</think>\nc\n",
       "a\n</think>\nc\n"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(shown(Thinking::marks, c.events), c.marks);
    EXPECT_EQ(shown(Thinking::no, c.events), c.no);
  }
}

}  // namespace
}  // namespace jamsu::apps
