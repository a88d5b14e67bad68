// Room: memory in which somebody else may put octets.
#pragma once

#include <cstddef>
#include <memory>

namespace base {

struct Room {
    char* begin = nullptr;
    std::size_t size = 0;  // octets; 0: there is none
    // Whoever puts octets there, or reads them there, holds it as long.
    std::shared_ptr<const void> keeper{};
};

}  // namespace base
