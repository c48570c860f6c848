#pragma once
// A word problem as a graph: quantities that are given, quantities computed from two earlier ones. Knows no language.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace jamsu::tasks {

enum class Operation { given, add, subtract, multiply, divide };

struct Quantity {
  Operation operation = Operation::given;
  int left = -1, right = -1;  // earlier quantities; -1 where given
  int64_t value = 0;
};

class QuantityGraph {
 public:
  int given(int64_t value);
  // REQUIRES: both earlier; a quotient exact.
  int derive(Operation operation, int left, int right);

  int size() const { return static_cast<int>(quantities_.size()); }
  const Quantity& operator[](int id) const { return quantities_[static_cast<size_t>(id)]; }
  int64_t value(int id) const { return (*this)[id].value; }

  // Which quantities `asked` depends on, itself included.
  std::vector<bool> needed(int asked) const;
  // How many of them are computed: the steps of the problem.
  int steps(int asked) const;

 private:
  std::vector<Quantity> quantities_;
};

// The value of an operation; REQUIRES: not Operation::given, a quotient exact.
int64_t apply(Operation operation, int64_t left, int64_t right);

}  // namespace jamsu::tasks
