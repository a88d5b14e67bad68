// sandwichctl doctor: its options, and what it borrows from here: the control socket and the screen.
#pragma once

namespace ctl {

// All words of the command line, "doctor" among them. The exit status: 0 all is well, 1 there
// are warnings, 2 there are failures, 64 (EX_USAGE) wrong usage. Does not return.
[[noreturn]] void run_doctor(int argc, char** argv);

}  // namespace ctl
