#include "eval/task_eval.h"

#include <algorithm>
#include <iterator>

namespace jamsu::eval {
namespace {

using tasks::GeneratorOptions;
using tasks::Language;
using tasks::Sample;
using Draw = std::function<Sample(uint64_t)>;

Draw arithmetic(const GeneratorOptions& o) {
  return [o, cells = tasks::arithmetic_cells()](uint64_t i) {
    return tasks::arithmetic_cell_sample(cells[i % cells.size()], i, o);
  };
}
Draw misc(const GeneratorOptions& o) {
  return
      [o, cells = tasks::misc_cells()](uint64_t i) { return tasks::misc_cell_sample(cells[i % cells.size()], i, o); };
}
Draw word(const GeneratorOptions& o, Language language, int low, int high) {
  return [=](uint64_t i) {
    return tasks::word_sample(i, language, o, low + static_cast<int>(i % static_cast<uint64_t>(high - low + 1)));
  };
}

Draw countdown(const GeneratorOptions& o, std::string cell) {
  return [o, cell = std::move(cell)](uint64_t i) { return tasks::countdown_cell_sample(cell, i, o); };
}

}  // namespace

std::vector<ProblemSet> problem_sets(uint64_t seed) {
  constexpr int kLongest = 8;  // levels of training
  const GeneratorOptions seen{.seed = seed, .split = tasks::Split::train, .retry_percent = 0};
  GeneratorOptions unseen = seen;
  unseen.split = tasks::Split::unseen;
  const Draw longer = [ko = word(seen, Language::korean, kLongest + 1, kLongest + 2),
                       en = word(seen, Language::english, kLongest + 1, kLongest + 2)](uint64_t i) {
    return i % 4 < 2 ? ko(i) : en(i);
  };
  std::vector<ProblemSet> sets = {
      {"A", arithmetic(seen)},
      {"B ko", word(seen, Language::korean, 1, kLongest)},
      {"B en", word(seen, Language::english, 1, kLongest)},
      {"B longer", longer},
      {"C", misc(seen)},
      {"D", [unseen](uint64_t i) { return tasks::talk_sample(i, unseen); }, true},
      {"E", [seen](uint64_t i) { return tasks::follow_sample(i, seen); }},
      {"A unseen", arithmetic(unseen), true},
      {"B ko unseen", word(unseen, Language::korean, 1, kLongest), true},
      {"B en unseen", word(unseen, Language::english, 1, kLongest), true},
      {"C unseen", misc(unseen), true},
      {"E unseen", [unseen](uint64_t i) { return tasks::follow_sample(i, unseen); }, true},
  };
  for (const GeneratorOptions& o : {seen, unseen})
    for (const std::string& cell : tasks::countdown_cells()) {
      const bool held = o.split == tasks::Split::unseen;
      sets.push_back({held ? cell + " unseen" : cell, countdown(o, cell), held, true});
    }
  return sets;
}

std::vector<text::Message> messages_of(const tasks::Sample& sample) {
  std::vector<text::Message> messages;
  for (const tasks::Turn& turn : sample.before) {
    messages.push_back({"user", turn.prompt, ""});
    messages.push_back({"assistant", turn.answer, ""});
  }
  messages.push_back({"user", sample.prompt, ""});
  return messages;
}

Report evaluate(session::Session& session, const ProblemSet& set, const Options& options, const Observer& observer) {
  Tally tally(set.name, observer.item);
  const int64_t at_once = std::max<int64_t>(1, options.in_flight / options.samples);
  for (int64_t begin = 0; begin < options.problems; begin += at_once) {
    const int64_t end = std::min(begin + at_once, options.problems);
    std::vector<session::ChatRequest> requests;
    std::vector<Sample> problems;
    for (int64_t i = begin; i < end; ++i) {
      problems.push_back(set.sample(static_cast<uint64_t>(i)));
      for (int64_t k = 0; k < options.samples; ++k) {
        session::ChatRequest r = options.request;
        r.messages = messages_of(problems.back());
        r.sampling.seed += static_cast<uint64_t>(i) << 20;
        r.sample = static_cast<uint32_t>(k);
        requests.push_back(std::move(r));
      }
    }
    auto replies = session.chat_all(requests, [&](size_t, const session::Reply& reply) {
      if (observer.replied) observer.replied(reply);
    });
    for (size_t i = 0; i < problems.size(); ++i) {
      const auto first = replies.begin() + static_cast<int64_t>(i) * options.samples;
      tally.add(problems[i], static_cast<uint64_t>(begin) + i,
                {std::make_move_iterator(first), std::make_move_iterator(first + options.samples)});
    }
  }
  return tally.report();
}

}  // namespace jamsu::eval
