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

    // To read it never waits for a disk.
    [[nodiscard]] virtual bool in_memory() const { return false; }

    // A descriptor that another process may read but not change: a sealed memfd, or a file opened for reading only.
    // Error: no memory, no descriptors.
    [[nodiscard]] virtual base::Result<base::UniqueFd> share() const = 0;

    // A file from whose begin on the same octets stand, for sendfile(2): a socket takes them from there without a copy.
    // -1: there is none. Each lend() asks for a give_back() when the peer has read all that it was sent. Where nobody
    // can say that, none follows: the octets stay where they are then, until the system has no use for them.
    [[nodiscard]] virtual int lend() const { return -1; }
    virtual void give_back() const {}

    // No line begins with a dot, as who decoded it has seen; false: perhaps one does.
    [[nodiscard]] virtual bool undotted() const { return false; }

    [[nodiscard]] std::size_t size() const { return bytes().size(); }
};

using MessagePtr = std::shared_ptr<const Message>;

}  // namespace mail
