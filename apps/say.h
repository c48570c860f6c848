#pragma once
// How verbs speak: to stdout what was asked for, to stderr what a person should know besides. Names, paths and texts of
// others are shown, never obeyed (base/printable.h).
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/printable.h"
#include "base/result.h"

namespace jamsu::apps {

// "jamsu: MESSAGE" and a line end to stderr.
void say(const std::string& message);
// The same, but each message once in this process: what libraries warn of. Thread-safe.
void say_once(const std::string& message);
// say, and returns 1: the exit code of what could not be done.
int fail(const std::string& message);
inline int fail(const Error& error) {
  return fail(error.message);
}

template <class T>
decltype(auto) shown(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return printable(value);
  else
    return (value);
}

// fmt::print to stdout; each text that stands in for {} is shown as one line.
template <class... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::vformat(format, fmt::make_format_args(shown(args)...));
  std::fwrite(text.data(), 1, text.size(), stdout);  // main() looks whether it arrived
}

// A text of several lines, as it stands; on a terminal its control characters are shown.
void print_lines(const std::string& text);

// A process that is started with stdin, stdout or stderr closed would give their numbers to files it opens, and print
// into them. From here on they are taken: reading them is at the end at once, writing fails.
void hold_standard_files();

}  // namespace jamsu::apps
