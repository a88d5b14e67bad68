// Message: the sealed bytes of one mail in canonical form (CRLF, no dot-stuffing). Immutable, shared, safe on any
// thread.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace mail {

class Message {
  public:
    Message() = default;
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    virtual ~Message() = default;

    // The whole mail, contiguous; valid as long as the Message.
    [[nodiscard]] virtual std::string_view bytes() const = 0;

    // A descriptor that another process may read but not change: a sealed memfd, or a file opened for reading only.
    // Error: no memory, no descriptors.
    [[nodiscard]] virtual base::Result<base::UniqueFd> share() const = 0;

    [[nodiscard]] std::size_t size() const { return bytes().size(); }
};

using MessagePtr = std::shared_ptr<const Message>;

}  // namespace mail
