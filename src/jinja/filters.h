#pragma once
// Filters and tests by name (jinja2/filters.py, jinja2/tests.py).
#include <string_view>
#include <vector>

#include "jinja/eval.h"

namespace jamsu::jinja {

using FilterBody = Value (*)(Interpreter&, const Value&, Arguments&);
using TestBody = bool (*)(Interpreter&, const Value&, Arguments&);

// Null where there is none of the name. Left out: random and urlize are simpler than Jinja's (the middle item; links
// that begin with http://, https:// or www.), pprint breaks no lines.
FilterBody find_filter(std::string_view name, Dialect dialect);
TestBody find_test(std::string_view name);
// Parts of find_filter.
FilterBody find_text_filter(std::string_view name);      // on text
FilterBody find_number_filter(std::string_view name);    // on numbers
FilterBody find_sequence_filter(std::string_view name);  // on sequences and dicts
FilterBody find_item_filter(std::string_view name);      // that look at each item: map, select, sort, groupby ...

}  // namespace jamsu::jinja
