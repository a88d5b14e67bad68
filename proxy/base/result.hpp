// Result<T>: a value or the reason why there is none.
//
// For failure that is expected (bad input, a full disk, a peer that is away). Broken invariants and failure at start-up
// may throw; nothing ever throws through a libevent callback. (g++ 12 has no std::expected; the names follow it.)
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <variant>

namespace base {

// What went wrong, in words for the log or the administrator; never sent to an SMTP peer.
struct Error {
    std::string message;
};

template <typename... Args>
[[nodiscard]] Error error(fmt::format_string<Args...> format, Args&&... args) {
    return Error{fmt::format(format, std::forward<Args>(args)...)};
}

// errno at the time of the call, as "what: No such file or directory".
[[nodiscard]] Error errno_error(std::string_view what);

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    // Precondition: has_value() (otherwise std::bad_variant_access).
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    // Precondition: !has_value().
    const Error& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

// A Result without a value: success or a reason.
using Status = Result<std::monostate>;
inline Status ok() {
    return Status{std::monostate{}};
}

}  // namespace base
