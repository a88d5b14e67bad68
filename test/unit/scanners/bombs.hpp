// Mails that are made to cost: each must end at a limit, whatever it holds. For tests and the benchmark of limits.
#pragma once

#include <string>
#include <vector>

namespace bombs {

struct Bomb {
    std::string name;
    std::string limit;  // of policy::ContentLimit, in words: one that is reached
    std::string mail;
};

// `mebibytes`: what the large ones hold unpacked, 16 at least.
std::vector<Bomb> all(std::size_t mebibytes);

// A file as the attachment of a mail.
std::string mail_with(const std::string& name, const std::string& octets);

}  // namespace bombs
