// How a problem is thought about: moves in no order, each followed to its end or given up, until the target is there.
#include <utility>

#include "tasks/countdown/countdown.h"
#include "tasks/steps.h"

namespace jamsu::tasks {
namespace {

std::string joined(const Hand& hand) {
  std::string out;
  for (const Made& made : hand) out += (out.empty() ? "" : ", ") + std::to_string(made.value);
  return out;
}

class Thinker {
 public:
  Thinker(const CountdownProblem& problem, Language language, int retry_percent, RandomStream& random)
      : problem_(problem), language_(language), random_(random), writer_(random, retry_percent) {}

  CountdownThinking run() {
    const Hand hand = hand_of(problem_.numbers);
    writer_.text(joined(hand) + "→" + std::to_string(problem_.target));
    std::vector<Move> moves = moves_of(hand);
    if (hand.size() > 3)  // given up half-way, it would come a second time
      std::erase(moves, problem_.solution[0]);
    if (!wander(hand, std::move(moves), random_.below(hand.size() > 3 ? 3 : 5))) follow(hand);
    writer_.text(expression_ + "=" + std::to_string(problem_.target));
    return {writer_.finish(), expression_};
  }

 private:
  // So many of the moves, in no order; of a hand of three that one leaves, one or two. Whether the target was made.
  bool wander(const Hand& hand, std::vector<Move> moves, uint32_t count) {
    for (; count > 0 && !moves.empty(); --count) {
      const size_t at = random_.below(static_cast<uint32_t>(moves.size()));
      const Move move = moves[at];
      moves.erase(moves.begin() + static_cast<std::ptrdiff_t>(at));
      const Hand next = make(hand, move);
      if (next.size() == 2 ? try_last(next) : wander(next, moves_of(next), 1 + random_.below(2))) return true;
      const bool given_up = hand.size() < problem_.numbers.size() && (count == 1 || moves.empty());
      if (!given_up) writer_.text((language_ == Language::korean ? "다시 " : "back to ") + joined(hand));
    }
    return false;
  }

  // The solution that the problem was made with.
  void follow(Hand hand) {
    for (const Move& move : problem_.solution) {
      if (hand.size() == 2) break;
      hand = make(hand, move);
    }
    try_last(hand);
  }

  Hand make(const Hand& hand, const Move& move) {
    Hand next = after(hand, move);
    const std::string head = written(hand, move) + "=", behind = " | " + joined(next);
    const int64_t value = next[0].value;
    writer_.line(head + std::to_string(value) + behind, head + std::to_string(value + 1));
    return next;
  }

  // All that two numbers make, up to the target.
  bool try_last(const Hand& hand) {
    std::string line;
    const std::string target = std::to_string(problem_.target);
    bool found = false;
    std::string wrong;
    for (const Move& move : moves_of(hand)) {
      const Made made = *made_by(hand, move);
      line += (line.empty() ? "" : ", ") + written(hand, move) + "=";
      wrong = line + std::to_string(made.value + 1);
      line += std::to_string(made.value);
      found = made.value == problem_.target;
      if (found) {
        expression_ = made.text;
        break;
      }
      line += (made.value < problem_.target ? "<" : ">") + target;
    }
    writer_.line(line, wrong);
    return found;
  }

  const CountdownProblem& problem_;
  Language language_;
  RandomStream& random_;
  StepWriter writer_;
  std::string expression_;
};

}  // namespace

CountdownThinking think_countdown(const CountdownProblem& problem, Language language, int retry_percent,
                                  RandomStream& random) {
  return Thinker(problem, language, retry_percent, random).run();
}

}  // namespace jamsu::tasks
