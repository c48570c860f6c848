#pragma once
// Text of others (names, paths, a model's reply) as a terminal may show it: what would steer the terminal is spelled out.
#include <string>
#include <string_view>

namespace jamsu {

// A name, a path or a message, in one line. Control characters below U+0080 and bytes that are no UTF-8 become \xNN;
// those of U+0080 to U+009F, U+2028 and U+2029 (line ends), and U+202A to U+202E and U+2066 to U+2069 (which turn the
// direction of the text around them) become \uNNNN. All else stays, backslashes too: the result is for people.
std::string printable(std::string_view text);
// The same for text of several lines, such as a reply: newlines and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace jamsu
