#include "doctor/contact.hpp"

#include <fmt/format.h>

namespace doctor {

std::string to_text(const Contact& contact) {
    switch (contact.reach) {
        case Reach::kConnected:
            return "connected";
        case Reach::kRefused:
            return "connection refused";
        case Reach::kSilent:
            return "no answer in time";
        case Reach::kUnreachable:
        case Reach::kNoName:
        case Reach::kOther:
            break;
    }
    return contact.detail;
}

std::string cure_of(const Contact& contact, std::string_view place) {
    switch (contact.reach) {
        case Reach::kConnected:
            return {};
        case Reach::kRefused:
            return fmt::format(
                "start the server at {}, or correct the address or the port: its host answers, but nobody "
                "listens there (or a firewall refuses)",
                place);
        case Reach::kSilent:
            return fmt::format(
                "open {} in the firewalls between here and there, both ways: packets vanish without an "
                "answer, or its host is down",
                place);
        case Reach::kUnreachable:
            return fmt::format(
                "check the route from this machine to {} (ip route get), and the firewall's REJECT rules", place);
        case Reach::kNoName:
            return "correct the name, or what DNS and /etc/hosts say of it";
        case Reach::kOther:
            break;
    }
    return fmt::format("see to it that {} can be reached from this machine", place);
}

}  // namespace doctor
