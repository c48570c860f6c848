#pragma once
// Where events go. A sink is a callable that takes an event and answers whether it wants more;
// one that answers nothing wants all.
#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace jamsu {

enum class SinkAnswer : uint8_t { keep, stop };

template <class Event>
class Sink {
 public:
  Sink() = default;
  // REQUIRES: F can be copied, and answers SinkAnswer or nothing.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Sink> && std::invocable<F&, const Event&>) Sink(F f) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const Event&>>) {
      call_ = [f = std::move(f)](const Event& event) mutable {
        f(event);
        return SinkAnswer::keep;
      };
    } else {
      static_assert(std::same_as<std::invoke_result_t<F&, const Event&>, SinkAnswer>);
      call_ = std::move(f);
    }
  }
  SinkAnswer operator()(const Event& event) const { return call_(event); }

 private:
  std::function<SinkAnswer(const Event&)> call_;
};

}  // namespace jamsu
