#pragma once
// A reply's text as a reader of numbers wants it: one spelling for what people, models and LaTeX write in many.
#include <string>
#include <string_view>

namespace jamsu::tasks {

// Stands for a space that belongs within a number: LaTeX's `\,`, no-break and thin spaces.
inline constexpr char kJoint = '\x01';

// Full-width characters, minus signs and hyphens of every kind, fraction signs and superscripts become ASCII; LaTeX's
// commands become what they print (`\frac{1}{2}`: 1/2, `\text{cm}`: cm, `\$`: $), marks of mathematics and of
// Markdown go. A command that is not known keeps its backslash. Any bytes are taken.
std::string plain_text(std::string_view text);

// Of UTF-8 text, without the ASCII and full-width spaces around it.
std::string_view trimmed(std::string_view text);

}  // namespace jamsu::tasks
