// A buffer for what comes out of an archive: grows without copying where the system can (realloc of large blocks), so
// that a big member does not need its memory twice. Nothing throws: no memory is an answer.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace scanners::attachment {

class Buffer {
  public:
    // False: no memory; the buffer is as it was.
    [[nodiscard]] bool append(const void* octets, std::size_t length) {
        if (length > capacity_ - size_ && !grow(length))
            return false;
        if (length > 0)
            std::memcpy(data_.get() + size_, octets, length);
        size_ += length;
        return true;
    }
    [[nodiscard]] bool append(std::string_view octets) { return append(octets.data(), octets.size()); }
    [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    bool grow(std::size_t length) {
        const std::size_t wanted = std::max({size_ + length, capacity_ + capacity_ / 2, std::size_t{4096}});
        auto* grown = static_cast<char*>(std::realloc(data_.get(), wanted));
        if (grown == nullptr)
            return false;
        (void)data_.release();  // realloc() has freed or kept it
        data_.reset(grown);
        capacity_ = wanted;
        return true;
    }

    struct Free {
        void operator()(char* octets) const { std::free(octets); }
    };
    std::unique_ptr<char, Free> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace scanners::attachment
