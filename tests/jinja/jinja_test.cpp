// The engine's door: errors, limits, dialects, what templates may change.
// What it renders is held to goldens (tests/parity/jinja_test.cpp).
#include "jinja/jinja.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>
#include <thread>
#include <vector>

namespace jamsu::jinja {
namespace {

// The text, or the error's message.
std::string render(const std::string& source, const Value& variables = Value::dict({}),
                   const RenderOptions& options = {}, const ParseOptions& parse = {}) {
  const auto t = Template::parse(source, "t", parse);
  if (!t) return t.error().message;
  const auto text = t->render(variables, options);
  return text ? *text : text.error().message;
}
std::string strict(const std::string& source, const Value& variables = Value::dict({})) {
  return render(source, variables, {}, {.limits = {}, .dialect = Dialect::strict});
}
Value variables(const char* json) {
  return Value::from_json(boost::json::parse(json));
}

TEST(jinja, errors_name_the_template_and_the_line) {
  EXPECT_EQ(render("a\n\n{{ 1 +* }}"), "t:3: TemplateSyntaxError: unexpected '*'");
  EXPECT_EQ(render("a\n{% for i in [1] %}\n{{ i.x.y }}{% endfor %}"),
            "t:3: UndefinedError: 'int object' has no attribute 'x'");
  EXPECT_EQ(render("{{ 'x' | nope }}"), "t:1: TemplateAssertionError: No filter named 'nope'.");
  EXPECT_EQ(render("\xFF"), "t: is not UTF-8");
  const auto t = Template::parse("\n{{ raise_exception('no ' ~ who) }}", "t");
  ASSERT_TRUE(t.ok());
  std::string raised = "before";
  EXPECT_EQ(t->render(variables(R"({"who":"tools"})"), {}, &raised).error().message, "t:2: TemplateError: no tools");
  EXPECT_EQ(raised, "no tools");
  const auto fine = Template::parse("x", "t");
  raised = "before";
  EXPECT_EQ(*fine->render(Value::dict({}), {}, &raised), "x");
  EXPECT_EQ(raised, "before");
}

TEST(jinja, limits_end_a_render) {
  const auto with = [](auto change) {
    RenderOptions o;
    change(o.limits);
    return o;
  };
  const Value none = Value::dict({});
  EXPECT_EQ(render("{% for i in range(1000) %}{{ i }}{% endfor %}", none, with([](Limits& l) { l.steps = 500; })),
            "t:1: LimitError: the template takes too many steps");
  EXPECT_EQ(render("{{ 'x' * 100000 }}", none, with([](Limits& l) { l.memory_bytes = 50000; })),
            "t:1: LimitError: the template needs too much memory");
  EXPECT_EQ(
      render("{% for i in range(100) %}xxxxxxxxxx{% endfor %}", none, with([](Limits& l) { l.output_bytes = 100; })),
      "t:1: LimitError: the output is too long");
  EXPECT_EQ(render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
            "t:1: RecursionError: maximum recursion depth exceeded");
  EXPECT_EQ(render("aaaa", none, {}, {.limits = {.source_bytes = 3}}), "t: 4 bytes; a template has at most 3");
  EXPECT_EQ(render("{{ a.b.c }}", none, {}, {.limits = {.tokens = 4}}),
            "t:1: TemplateSyntaxError: the template has too many tokens");
  EXPECT_EQ(render("{{ ((((1)))) }}", none, {}, {.limits = {.syntax_depth = 3}}),
            "t:1: TemplateSyntaxError: the template is nested too deeply");
}

// Values inside values, however they came to be, are walked and given back without deep recursion.
TEST(jinja, chains_and_rings_of_values_end) {
  for (const char* source : {
           "{% set ns = namespace(x=[]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(50000) %}{% set ns.x = cycler(ns.x) %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(50000) %}{% set ns.x = joiner(ns.x) %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(50000) %}{% set ns.x = [ns.x].copy %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(20000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(20000) %}{% for j in [ns.x] %}{% set ns.x = loop %}{% "
           "endfor %}{% endfor %}",
           "{% macro k() %}{% set ns.f = caller %}{% endmacro %}{% set ns = namespace(f=1) %}{% for i in range(20000) "
           "%}"
           "{% set p = ns.f %}{% call k() %}{{ p }}{% endcall %}{% endfor %}",
           "{% set ns = namespace(l=[]) %}{% for i in range(20000) %}{% set n = [] %}{% set _ = ns.l.append(n) %}{% "
           "set ns.l = n %}{% endfor %}",
           "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
           "{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}",
           "{% set l = [] %}{% set _ = l.append(l) %}{% set k = [] %}{% set _ = k.append(k) %}{{ l == k }}",
           "{% set ns = namespace() %}{% set ns.me = ns %}{{ [ns, ns.me] }}",
           "{% for i in [1] %}{{ loop.changed(loop) }}{% set ns = loop %}{% endfor %}",
       })
    render(source);
  EXPECT_EQ(render("{% set l = [] %}{% set _ = l.append(l) %}{{ l | length }}"), "1");
}

TEST(jinja, dialects) {
  EXPECT_EQ(render("{% set l = [1] %}{% set _ = l.append(2) %}{% set _ = l.insert(0, 0) %}{% set _ = l.extend('ab') "
                   "%}{{ l.pop() }}{{ l.pop(0) }}{{ l }}"),
            "b0[1, 2, 'a']");
  EXPECT_EQ(strict("{{ [1].append(2) }}"),
            "t:1: SecurityError: access to attribute 'append' of 'list' object is unsafe.");
  EXPECT_EQ(
      render(R"({{ '{"a": [1, 2.5, null, true, "\\u00e9\\ud83d\\udc4d"], "a": 123456789012345678901}' | from_json }})"),
      "{'a': 123456789012345678901}");
  EXPECT_EQ(render(R"({{ '[1, 2.50, null, true, "\\u00e9\\ud83d\\udc4d\\n", -0.0, 1e3]' | from_json }})"),
            "[1, 2.5, None, True, 'é👍\\n', -0.0, 1000.0]");
  for (const char* bad :
       {"", "[", "{\\\"a\\\":}", "01", "[1,]", "nul", "\\\"\\\\ud800\\\"", "\\\"\\\\ud800\\\\u0041\\\"", "1 2"})
    EXPECT_NE(render("{{ \"" + std::string(bad) + "\" | from_json }}").find("JSONDecodeError"), std::string::npos)
        << bad;
  EXPECT_EQ(strict("{{ '1' | from_json }}"), "t:1: TemplateAssertionError: No filter named 'from_json'.");
}

TEST(jinja, a_template_never_changes_its_variables) {
  const Value v = variables(R"({"l":[1,[2]],"d":{"l":[3]}})");
  const auto t = Template::parse(
      "{% set _ = l.append(9) %}{% set _ = l[1].pop() %}{% set _ = d.l.append(l) %}{{ l }}{{ d }}", "t");
  ASSERT_TRUE(t.ok());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(*t->render(v), "[1, [], 9]{'l': [3, [1, [], 9]]}");
  EXPECT_EQ(render("{{ l }}{{ d }}", v), "[1, [2]]{'l': [3]}");
}

TEST(jinja, threads_share_a_template) {
  const auto t = Template::parse(
      "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}{{ n }}{% endmacro %}{% for x in l %}{{ f(x) }};{% endfor %}",
      "t");
  ASSERT_TRUE(t.ok());
  const Value v = variables(R"({"l":[1,2,3]})");
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (auto& text : texts)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) text = *t->render(v);
    });
  for (auto& thread : threads) thread.join();
  for (const auto& text : texts) EXPECT_EQ(text, "01;012;0123;");
}

TEST(jinja, scoping) {
  EXPECT_EQ(render("{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }}"), "231");
  EXPECT_EQ(render("{% for i in [1] %}{% continue %}{% else %}e{% endfor %}"), "e");  // as Jinja has it
  EXPECT_EQ(render("{% for i in [1] %}{% for j in [] %}{% else %}{% break %}{% endfor %}x{% endfor %}|"), "|");
  EXPECT_EQ(render("{% for i in [1, 2] %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}"), "12");
  EXPECT_EQ(render("{% for i in [1, 2] %}{% block b %}{{ i is defined }}{% endblock %}{% endfor %}"), "FalseFalse");
  EXPECT_EQ(render("{% macro f() %}{{ q }}{% endmacro %}{% set q = 5 %}{{ f() }}"), "5");
  EXPECT_EQ(render("{% set g = [1, 2] | map('string') %}{{ g | join }}{{ g | join }}|"),
            "12|");  // a generator is used up
}

TEST(jinja, numbers_and_texts_at_their_edges) {
  EXPECT_EQ(
      render("{{ -9223372036854775808 // -1 }} {{ 9223372036854775807 * 2 % 10 }} {{ -7 % 3 }} {{ 10 ** 30 // 7 }}"),
      "9223372036854775808 4 2 142857142857142857142857142857");
  EXPECT_EQ(render("{{ 2.675 | round(2) }} {{ 0.5 | round }} {{ 1e22 }} {{ 5e-324 }} {{ 0.1 + 0.2 }}"),
            "2.67 0.0 1e+22 5e-324 0.30000000000000004");
  EXPECT_EQ(render("{{ 'x' * -1 }}{{ 'abc'[-5:2] }}{{ 'abc'[::-2] }}{{ [1, 2, 3][99:] }}{{ '한글'[1] }}"),
            "abca[]글" + std::string());
  EXPECT_EQ(render("{{ '%5.1f|%-4s|%04d|%x|%%' % (2.25, 'a', -7, 255) }}"), "  2.2|a   |-007|ff|%");
  EXPECT_EQ(render("{{ '{:>5}|{:<3}|{:^5}|{:+d}|{:,}|{!r}'.format('a', 'b', 'c', 3, 1234567, 'q') }}"),
            "    a|b  |  c  |+3|1,234,567|'q'");
  EXPECT_EQ(render("{{ 'a  b c '.rsplit(None, 1) }}{{ ' a b '.split(' ') }}{{ 'a,b,c'.rsplit(',', 1) }}"),
            "['a  b', 'c']['', 'a', 'b', '']['a,b', 'c']");
}

// As Python 3.11 prints them (each pair was made with Jinja2 3.1.6).
TEST(jinja, strings_numbers_and_namespaces_are_pythons) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{ 'ẞß Straße ﬁ ᏸᎠ'.casefold() }}", "ssss strasse fi ᏰᎠ"},
      {"{{ '½Ⅷ²'.isnumeric() }} {{ '一二三'.isnumeric() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '三'.isdigit() "
       "}}",
       "True True True False False"},
      {"{{ '٣٤' | int }} {{ '٣.٥' | float }} {{ '+१२_३' | int }} {{ '三' | int }} {{ '𝟗' | int }}", "34 3.5 123 0 9"},
      {"{{ 'ªº'.islower() }} {{ 'ⓐ'.islower() }} {{ 'Ⓐ'.isupper() }} {{ 'Ⅷ'.isupper() }} {{ 'ⓐx'.title() }}",
       "True True True True Ⓐx"},
      {"{{ 'a1_'.isidentifier() }} {{ '1a'.isidentifier() }} {{ '한글'.isidentifier() }} {{ ''.isprintable() }} "
       "{{ '\n'.isprintable() }}",
       "True False True True False"},
      {"{{ 'abc'.translate({97: 'Z', 98: none, 99: 120}) }} {{ 'ab'.translate('x'.maketrans('a', 'b', 'b')) }}",
       "Zx b"},
      {"{{ 5 .real }} {{ (5).imag }} {{ true.numerator }} {{ 2.5.real }} {{ (2.5).as_integer_ratio() }} "
       "{{ (255).bit_length() }} {{ (-7).bit_count() }} {{ (2 ** 70).bit_length() }}",
       "5 0 1 2.5 (5, 2) 8 3 71"},
      {"{{ (0.1).hex() }} {{ (0.1).as_integer_ratio() }} {{ range(1, 9, 2).step }} {{ 'é'.encode().decode() }}",
       "0x1.999999999999ap-4 (3602879701896397, 36028797018963968) 2 é"},
      {"{% set ns = namespace(b=1, a='x') %}{% set ns.c = [ns.b] %}{{ ns }} {{ [ns] }}",
       "<Namespace {'b': 1, 'a': 'x', 'c': [1]}> [<Namespace {'b': 1, 'a': 'x', 'c': [1]}>]"},
      {"{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", "<Namespace {'me': <Namespace {...}>}>"},
      {"{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }} {{ 2 ** 63 == 2.0 ** "
       "63 }} "
       "{{ 10 ** 400 > 1e308 }} {{ {2 ** 63: 1}[2.0 ** 63] }}",
       "False True True True 1"},
      {"{{ 123456789012345678901234567890 / 7 }} {{ 10 ** 400 / 10 ** 399 }} {{ 255 / 9007199254740993 }} "
       "{{ 36893488147419103233 * 1.0 }}",
       "1.763668414462081e+28 10.0 2.831068712794149e-14 3.6893488147419103e+19"},
      {"{{ {'a': 1}.keys() == {'a': 2}.keys() }} {{ {'a': 1}.items() == {'a': 2}.items() }}", "True False"},
      {"{{ '{:x} {:b} {:c}'.format(2 ** 64, 5, 65) }}", "10000000000000000 101 A"},
      {"{{ 's' % [1] }} {{ 's' % nothing }}", "s s"},
      {"{{ x | cite if false else 'ok' }}{% if false %}{{ x | cite }}{{ x is citable }}{% endif %}", "ok"},
  };
  for (const auto& [source, text] : cases) EXPECT_EQ(render(source), text) << source;
  const std::pair<const char*, const char*> errors[] = {
      {"{{ 10 ** 400 * 1.0 }}", "OverflowError"},
      {"{{ 10 ** 400 / 3 }}", "OverflowError"},
      {"{{ '{:,}'.format('a') }}", "ValueError"},
      {"{{ 'a' | cite if x else (y | other) }}{{ 1 | cite }}", "TemplateAssertionError"},
      {"{% if true %}{{ 1 | cite }}{% endif %}", "TemplateRuntimeError"},
      {"{% if false %}{% for i in [] %}{{ 1 | cite }}{% endfor %}{% endif %}", "TemplateAssertionError"},
      {"{{ 1 | cite }}{% if %}", "TemplateSyntaxError"},
      {"{{ range(20) | truncate(3, true) }}", "TypeError"},
      {"{{ 5 | reverse }}", "FilterArgumentError"},
      {"{{ 5 | dictsort }}", "AttributeError"},
  };
  for (const auto& [source, type] : errors)
    EXPECT_NE(render(source).find(std::string(": ") + type + ": "), std::string::npos)
        << source << " " << render(source);
}

}  // namespace
}  // namespace jamsu::jinja
