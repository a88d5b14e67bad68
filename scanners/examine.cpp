#include "scanners/examine.hpp"

namespace scanners {

void examine(Opening& opening, std::string_view mail) {
    policy::Item message;
    message.kind = policy::Item::Kind::kMessage;
    message.size = mail.size();
    opening.add(std::move(message));
}

}  // namespace scanners
