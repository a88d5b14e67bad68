// The checks that look at this machine alone: each gathers its facts and has them judged. They may wait, for at most
// the patience of the request each.
#pragma once

#include "doctor/finding.hpp"
#include "doctor/setup.hpp"

namespace doctor {

Findings check_configuration(const Setup& setup);
Findings check_daemon(const Setup& setup);
Findings check_sendmail_pair(const Setup& setup);
Findings check_ports(const Setup& setup);
Findings check_queues(const Setup& setup);
Findings check_clock(const Setup& setup);
Findings check_signatures(const Setup& setup);
Findings check_disk(const Setup& setup);
Findings check_rights(const Setup& setup);

}  // namespace doctor
