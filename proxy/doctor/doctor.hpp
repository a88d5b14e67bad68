// sandwichctl doctor: looks at everything that mail depends on, says of each whether it is well, and what to do where
// it is not. It changes nothing; --probe sends two messages.
#pragma once

#include "doctor/setup.hpp"

namespace doctor {

// The checks run side by side; their findings are printed in a fixed order, each group as soon as it and those before
// it are done. On a terminal, standard error shows which are awaited. The exit status is exit_status() of all findings.
// A check that hangs in the system is left behind, so the caller ends with _exit() and not with exit().
int run(Request request);

}  // namespace doctor
