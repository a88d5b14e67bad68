// sandwichctl scan: what the daemon would do with a message in a file. Nothing is sent, nothing is stored.
#pragma once

namespace inspect {

// The command line after the program's name, as sandwichctl(8) has it: "scan ...". Exit status: 0 done, 1 a file, the
// configuration or the engine failed, 2 wrong usage.
int run(int argc, char** argv);

}  // namespace inspect
