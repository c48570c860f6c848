#pragma once
// The table of formats: name, parser, and the marks of reasoning.
#include <array>
#include <string_view>

#include "text/stream/family.h"

namespace jamsu::text {

struct FormatRow {
  StreamFormat format;
  std::string_view name;
  FamilyPtr (*make)(StreamFormat, const StreamOptions&, StreamSink&);
  std::array<std::string_view, 2> think;  // a prompt that ends in one of these has opened reasoning
};
const FormatRow& format_row(StreamFormat format);

}  // namespace jamsu::text
