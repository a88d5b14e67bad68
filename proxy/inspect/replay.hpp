// sandwichctl replay: which mails of a store a candidate policy would treat otherwise than the one in force. Nothing is
// sent, nothing is stored.
#pragma once

namespace inspect {

// The command line after the program's name, as sandwichctl(8) has it: "replay ...". Exit status: 0 done, 1 a mail, the
// configuration, a policy or the engine failed, 2 wrong usage.
int replay(int argc, char** argv);

}  // namespace inspect
