#pragma once
// Korean particles by how the word before them is read aloud.
#include <string>
#include <string_view>

namespace jamsu::tasks {

enum class Final { none, rieul, other };  // the last sound: a vowel, ㄹ, another consonant

// The last sound of a word, a number or a Latin word as it is read in Korean: "48" 팔 -> rieul, "10" 십 -> other,
// "cm" 센티미터 -> none, "x" 엑스 -> none. Closing brackets and quotes are skipped. Empty or unreadable: none.
Final final_sound(std::string_view word);

// The particle of `pair` that follows `word`. A pair is "after a consonant/after a vowel": "은/는", "이/가", "을/를",
// "과/와", "이랑/랑", "이에요/예요", "이야/야", "이라면/라면",
// "으로/로" (a pair beginning with 으: ㄹ counts as a vowel).
std::string particle(std::string_view word, std::string_view pair);

// word + particle.
std::string with_particle(std::string_view word, std::string_view pair);

}  // namespace jamsu::tasks
