// A quarantined message as text for people (protocol.hpp). Control characters are escaped.
#pragma once

#include <string>

#include "quarantine/store.hpp"

namespace ctl {

// `running`: its release runs at this moment.
std::string list_line(const quarantine::Entry& entry, bool running);
std::string describe(const quarantine::Entry& entry, bool running);

// Why it should not simply be released, in words that name the way out; empty when nothing speaks against it.
std::string reason_against_release(const quarantine::Entry& entry);

}  // namespace ctl
