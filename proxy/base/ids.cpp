#include "base/ids.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "base/clock.hpp"

namespace base {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
std::atomic<std::uint64_t> last_stamp{0};

std::uint64_t unique_microseconds() {
    const auto now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Wall::now().time_since_epoch()).count());
    std::uint64_t last = last_stamp.load();
    std::uint64_t next = 0;
    do {
        next = std::max(now, last + 1);
    } while (!last_stamp.compare_exchange_weak(last, next));
    return next;
}

// OpenSSL takes as long for two octets as for many.
std::uint16_t random_number() {
    thread_local std::array<std::uint16_t, 256> store;
    thread_local std::size_t used = store.size();
    if (used == store.size()) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(store.data()), sizeof store) != 1)
            throw std::runtime_error("the system has no random bytes");
        used = 0;
    }
    return store[used++];
}

}  // namespace

std::string new_message_id() {
    const auto random = random_number();
    std::string id(kMessageIdLength, '0');
    const auto fill = [&id](size_t begin, size_t end, std::uint64_t bits) {
        for (size_t place = end; place-- > begin; bits >>= 5)
            id[place] = kAlphabet[bits & 31];
    };
    fill(0, 11, unique_microseconds());
    fill(11, kMessageIdLength, random);
    return id;
}

bool is_message_id(std::string_view text) {
    return text.size() == kMessageIdLength && text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace base
