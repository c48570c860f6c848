#pragma once
// Errors from untrusted or missing input (files, requests, configs): Result<T>, with a message for a person that names
// the file, the field or offset, and what was expected.
//
//   Result<Config> r = read_config(path);
//   if (!r) return r.error();
//   use(*r);
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace jamsu {

struct Error {
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // REQUIRES: ok().
  T& value() & {
    JAMSU_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    JAMSU_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    JAMSU_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // REQUIRES: !ok().
  const Error& error() const {
    JAMSU_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    JAMSU_CHECK(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace jamsu
