// Failpoints: named places at which a test can stop a process and kill it, or another one.
//
// Only the program that the tests run has them (-DSANDWICH_FAILPOINTS, test/failpoint.cpp); elsewhere they are nothing.
#pragma once

#ifdef SANDWICH_FAILPOINTS

namespace failpoint {
// Any thread. Waits while the test wants it to, with the thread stopped.
void reached(const char* name);
}  // namespace failpoint
#define SANDWICH_FAILPOINT(name) ::failpoint::reached(name)

#else

#define SANDWICH_FAILPOINT(name) static_cast<void>(0)

#endif
