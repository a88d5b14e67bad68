#include "scanners/worker/desk.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace scanners {

bool Desk::set_up() {
    auto memory = base::MemoryFile::make("sandwich-desk", kSize);
    if (!memory || !memory->seal())
        return false;
    auto reading = base::reopen_for_reading(memory->file());
    if (!reading)
        return false;
    memory_.emplace(std::move(*memory));
    reading_ = std::move(*reading);
    return true;
}

int Desk::put(std::string_view mail) {
    if (mail.size() > kSize || (!memory_ && !set_up()) || !memory_->provide(mail.size()))
        return -1;
    std::memcpy(memory_->begin(), mail.data(), mail.size());
    // What follows in the last page, which is mapped with it, is of a mail before.
    static const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto end = std::min((mail.size() + kPage - 1) / kPage * kPage, kSize);
    std::memset(memory_->begin() + mail.size(), 0, end - mail.size());
    return reading_.get();
}

}  // namespace scanners
