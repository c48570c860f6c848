#include "tasks/answer/units.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.h"
#include "tasks/answer/number_words.h"
#include "tasks/answer/plain_text.h"

namespace jamsu::tasks {
namespace {

struct Unit {
  std::string_view written, name;
};

// Latin ones are whole words, in lower case but for one letter. "pound" is money and mass, "¥" two currencies, "m" is
// metre: a name that has two meanings has no row, or its commoner one.
constexpr auto kUnits = std::to_array<Unit>({
    {"km", "km"},
    {"kilometer", "km"},
    {"kilometers", "km"},
    {"kilometre", "km"},
    {"kilometres", "km"},
    {"m", "m"},
    {"meter", "m"},
    {"meters", "m"},
    {"metre", "m"},
    {"metres", "m"},
    {"cm", "cm"},
    {"centimeter", "cm"},
    {"centimeters", "cm"},
    {"centimetre", "cm"},
    {"centimetres", "cm"},
    {"mm", "mm"},
    {"millimeter", "mm"},
    {"millimeters", "mm"},
    {"millimetres", "mm"},
    {"mile", "mi"},
    {"miles", "mi"},
    {"inch", "in"},
    {"inches", "in"},
    {"foot", "ft"},
    {"feet", "ft"},
    {"ft", "ft"},
    {"yard", "yd"},
    {"yards", "yd"},
    {"kg", "kg"},
    {"kilogram", "kg"},
    {"kilograms", "kg"},
    {"g", "g"},
    {"gram", "g"},
    {"grams", "g"},
    {"mg", "mg"},
    {"lb", "lb"},
    {"lbs", "lb"},
    {"ounce", "oz"},
    {"ounces", "oz"},
    {"oz", "oz"},
    {"ton", "t"},
    {"tons", "t"},
    {"l", "l"},
    {"liter", "l"},
    {"liters", "l"},
    {"litre", "l"},
    {"litres", "l"},
    {"ml", "ml"},
    {"hour", "h"},
    {"hours", "h"},
    {"hr", "h"},
    {"hrs", "h"},
    {"h", "h"},
    {"minute", "min"},
    {"minutes", "min"},
    {"min", "min"},
    {"mins", "min"},
    {"second", "s"},
    {"seconds", "s"},
    {"sec", "s"},
    {"s", "s"},
    {"day", "d"},
    {"days", "d"},
    {"week", "week"},
    {"weeks", "week"},
    {"month", "month"},
    {"months", "month"},
    {"year", "year"},
    {"years", "year"},
    {"mph", "mi/h"},
    {"kmh", "km/h"},
    {"kph", "km/h"},
    {"percent", "%"},
    {"degree", "°"},
    {"degrees", "°"},
    {"dollar", "USD"},
    {"dollars", "USD"},
    {"usd", "USD"},
    {"euro", "EUR"},
    {"euros", "EUR"},
    {"eur", "EUR"},
    {"won", "KRW"},
    {"krw", "KRW"},
    {"yen", "JPY"},
    {"jpy", "JPY"},
    {"gbp", "GBP"},
    {"cent", "cent"},
    {"cents", "cent"},
});
// Signs and Korean names: what follows them may be a particle. Longer ones first.
constexpr auto kSigns = std::to_array<Unit>({
    {"%", "%"},         {"°C", "°"},        {"°F", "°F"},    {"°", "°"},         {"$", "USD"},  {"€", "EUR"},
    {"₩", "KRW"},       {"£", "GBP"},       {"¢", "cent"},   {"퍼센트", "%"},    {"프로", "%"}, {"킬로미터", "km"},
    {"센티미터", "cm"}, {"밀리미터", "mm"}, {"미터", "m"},   {"킬로그램", "kg"}, {"그램", "g"}, {"리터", "l"},
    {"시간", "h"},      {"분", "min"},      {"초", "s"},     {"개월", "month"},  {"일", "d"},   {"주", "week"},
    {"년", "year"},     {"원", "KRW"},      {"달러", "USD"}, {"유로", "EUR"},    {"엔", "JPY"}, {"도", "°"},
});

bool is_latin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Hangul in UTF-8: EA B0 80 to ED 9E A3.
bool is_korean(std::string_view word) {
  const auto first = static_cast<unsigned char>(word[0]);
  return first >= 0xEA && first <= 0xED;
}

std::string_view named(std::string_view word) {
  const std::string small = lower_ascii(word);
  for (const Unit& unit : kUnits)
    if (unit.written == small) return unit.name;
  return {};
}

// One unit without what is divided or squared.
UnitName simple_unit(std::string_view text) {
  for (const Unit& sign : kSigns) {
    if (!text.starts_with(sign.written)) continue;
    if (is_korean(sign.written) && !korean_number_ends(text.substr(sign.written.size()), false)) continue;
    return {std::string(sign.name), sign.written.size()};
  }
  size_t end = 0;
  while (end < text.size() && is_latin(text[end])) ++end;
  return {std::string(named(text.substr(0, end))), end};
}

// `^2` or `^3`.
size_t power_at(std::string_view text) {
  return text.size() >= 2 && text[0] == '^' && (text[1] == '2' || text[1] == '3') ? 2 : 0;
}

}  // namespace

UnitName unit_at(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && at < 2 && (text[at] == ' ' || text[at] == kJoint || text[at] == '-')) ++at;
  std::string square;
  for (const auto& [word, power] : {Unit{"square ", "^2"}, {"cubic ", "^3"}, {"제곱", "^2"}, {"세제곱", "^3"}}) {
    if (!text.substr(at).starts_with(word)) continue;
    at += word.size();
    square = power;
    break;
  }
  UnitName unit = simple_unit(text.substr(at));
  if (unit.bytes == 0) return {};
  at += unit.bytes;
  if (!unit.name.empty()) unit.name += square;
  if (const size_t power = power_at(text.substr(at))) {
    if (!unit.name.empty()) unit.name += text.substr(at, power);
    at += power;
  } else if (at < text.size() && text[at] == '/') {
    if (const UnitName below = simple_unit(text.substr(at + 1)); below.bytes > 0) {
      unit.name = unit.name.empty() || below.name.empty() ? std::string() : unit.name + "/" + below.name;
      at += 1 + below.bytes;
    }
  }
  unit.bytes = at;
  return unit;
}

UnitName currency_before(std::string_view text) {
  for (const Unit& sign : kSigns) {
    if (sign.name.size() != 3 || !text.ends_with(sign.written) || is_korean(sign.written)) continue;
    const std::string_view before = text.substr(0, text.size() - sign.written.size());
    size_t letters = 0;
    while (letters < 3 && letters < before.size() && is_latin(before[before.size() - 1 - letters])) ++letters;
    const bool american = before.ends_with("US");
    return {letters == 0 || american ? std::string(sign.name) : std::string(), sign.written.size() + letters};
  }
  if (text.ends_with("¥")) return {"", std::string_view("¥").size()};
  // A code before it: `USD 18`.
  const std::string_view code = trimmed(text);
  if (code.size() < 3) return {};
  const std::string_view last = code.substr(code.size() - 3);
  if (code.size() > 3 && is_latin(code[code.size() - 4])) return {};
  const std::string_view name = last == lower_ascii(last) ? std::string_view() : named(last);
  const bool currency = name.size() == 3 && name == last;
  return currency ? UnitName{std::string(name),
                             text.size() - static_cast<size_t>(code.data() + code.size() - 3 - text.data())}
                  : UnitName{};
}

}  // namespace jamsu::tasks
