// The checks that talk to servers: each gathers its facts, its servers side by side, and has them judged. Every server,
// and every look-up of a name, has the patience of the request.
#pragma once

#include "doctor/finding.hpp"
#include "doctor/setup.hpp"

namespace doctor {

Findings check_allow_list(const Setup& setup);
Findings check_routes(const Setup& setup);
Findings check_sources(const Setup& setup);  // of recipients; [ldap NAME], too
Findings check_logins(const Setup& setup);
Findings check_scanners(const Setup& setup);  // those on the network

// How many servers the check of the routes visits.
std::size_t count_routes(const Setup& setup);

}  // namespace doctor
