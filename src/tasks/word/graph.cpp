#include "tasks/word/graph.h"

#include "base/check.h"

namespace jamsu::tasks {

int64_t apply(Operation operation, int64_t left, int64_t right) {
  switch (operation) {
    case Operation::add:
      return left + right;
    case Operation::subtract:
      return left - right;
    case Operation::multiply:
      return left * right;
    case Operation::divide:
      JAMSU_CHECK(right != 0 && left % right == 0);
      return left / right;
    case Operation::given:
      break;
  }
  JAMSU_CHECK(false);
  return 0;
}

int QuantityGraph::given(int64_t value) {
  quantities_.push_back({Operation::given, -1, -1, value});
  return size() - 1;
}

int QuantityGraph::derive(Operation operation, int left, int right) {
  JAMSU_CHECK(left >= 0 && left < size() && right >= 0 && right < size());
  quantities_.push_back({operation, left, right, apply(operation, value(left), value(right))});
  return size() - 1;
}

std::vector<bool> QuantityGraph::needed(int asked) const {
  std::vector<bool> marks(quantities_.size(), false);
  marks[static_cast<size_t>(asked)] = true;
  for (int id = asked; id >= 0; --id) {  // arguments come before what uses them
    const Quantity& quantity = (*this)[id];
    if (!marks[static_cast<size_t>(id)] || quantity.operation == Operation::given) continue;
    marks[static_cast<size_t>(quantity.left)] = true;
    marks[static_cast<size_t>(quantity.right)] = true;
  }
  return marks;
}

int QuantityGraph::steps(int asked) const {
  const std::vector<bool> marks = needed(asked);
  int count = 0;
  for (int id = 0; id < size(); ++id) {
    count += marks[static_cast<size_t>(id)] && (*this)[id].operation != Operation::given ? 1 : 0;
  }
  return count;
}

}  // namespace jamsu::tasks
