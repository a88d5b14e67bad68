// Secret: a password in memory. It is never copied, formatted or logged, and its octets are wiped when it goes.
#pragma once

#include <string.h>

#include <string>
#include <string_view>

namespace directory {

// Overwrites the octets of `text`, those beyond its size included, and empties it.
inline void wipe(std::string& text) {
    text.resize(text.capacity());
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

class Secret {
  public:
    Secret() = default;
    // Takes the text over; the caller's is wiped.
    explicit Secret(std::string&& text) : text_(text) { wipe(text); }
    ~Secret() { wipe(text_); }
    // A short string is copied when it is moved, so the other one is wiped.
    Secret(Secret&& other) noexcept {
        text_.swap(other.text_);
        wipe(other.text_);
    }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe(text_);
            text_.swap(other.text_);
            wipe(other.text_);
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;

    // Valid as long as this is.
    [[nodiscard]] std::string_view view() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

  private:
    std::string text_;
};

}  // namespace directory
