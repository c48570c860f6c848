#include "base/printable.h"

#include <gtest/gtest.h>

namespace jamsu {
namespace {

TEST(Printable, TextOfEveryScriptStays) {
  for (const char* text :
       {"", "pretrained/nano", "C:\\models", "모델 \xF0\x9F\x90\xB3", "é\xCC\x81", "שלום \xE2\x80\x8F"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable_lines(text), text);
  }
}

TEST(Printable, WhatSteersATerminalIsSpelledOut) {
  EXPECT_EQ(printable("x\x1b]0;owned\x07\x1b[2Jy\nz"), "x\\x1b]0;owned\\x07\\x1b[2Jy\\x0az");
  EXPECT_EQ(printable("a\tb\rc\x7f"), "a\\x09b\\x0dc\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u009b31m");  // CSI in one character
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b\xE2\x81\xA6\xE2\x80\xA8"),
            "a\\u202eb\\u2066\\u2028");
}

TEST(Printable, BytesThatAreNoUtf8AreNamed) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9b31m");                                                      // CSI where a terminal reads Latin-1
  EXPECT_EQ(printable("\xEA\xB0"), "\\xea\\xb0");                             // cut
  EXPECT_EQ(printable("\xC0\x8A\xED\xA0\x80"), "\\xc0\\x8a\\xed\\xa0\\x80");  // too long; a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80\xFF"), "\\xf4\\x90\\x80\\x80\\xff");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xEA\xB0\x41"), "\\xea\\xb0\x41");
}

TEST(Printable, LinesAndTabsOfAReplyStay) {
  EXPECT_EQ(printable_lines("a\n\tb\x1b[31m\r\n"), "a\n\tb\\x1b[31m\\x0d\n");
}

}  // namespace
}  // namespace jamsu
