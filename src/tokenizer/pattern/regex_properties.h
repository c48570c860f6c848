#pragma once
// Oniguruma's Unicode tables are as old as the library that is installed (6.9.8: Unicode 14), and so are the letters
// that a pattern finds with it. `tokenizers` brings its own (Unicode 16).
#include <string>
#include <string_view>

namespace jamsu::tokenizer {

// The same pattern with our tables: \p{..} of general categories and of Han, \d, \w, \b and their opposites are written
// out as ranges of code points. Other properties, and patterns with an unusual class ([]...]), stay as they are.
// REQUIRES: valid UTF-8.
std::string with_own_properties(std::string_view pattern);

}  // namespace jamsu::tokenizer
