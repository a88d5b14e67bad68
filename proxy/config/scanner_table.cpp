#include "config/scanner_table.hpp"

#include "config/table_rows.hpp"

namespace config {
// Of its own, since files of a room are also compiled together.
namespace scanner_rows {
namespace {

using policy::Action;

constexpr std::uint64_t kKilo = 1024;
constexpr std::uint64_t kMega = 1024 * kKilo;
constexpr std::uint64_t kGiga = 1024 * kMega;
constexpr std::uint64_t kTera = 1024 * kGiga;
constexpr std::uint64_t kHour = 3600;  // seconds
constexpr std::uint64_t kDay = 24 * kHour;
constexpr Range kNoRange{0, 0};
constexpr Range kPathLength{2, 1000};
constexpr Range kTimeout{1, kHour};
constexpr Word kFoundActions[] = {{"quarantine", int(Action::kQuarantine)},
                                  {"reject", int(Action::kReject)},
                                  {"discard", int(Action::kDiscard)},
                                  {"tag-and-deliver", int(Action::kTagAndDeliver)}};
constexpr Word kFailureActions[] = {{"defer", int(Action::kDefer)},
                                    {"quarantine", int(Action::kQuarantine)},
                                    {"deliver-with-mark", int(Action::kDeliverWithMark)}};
constexpr Word kIcapMethods[] = {{"respmod", int(IcapMethod::kRespmod)}, {"reqmod", int(IcapMethod::kReqmod)}};
constexpr Word kMessageAs[] = {{"input", int(MessageAs::kInput)}, {"file", int(MessageAs::kFile)}};

// clang-format off

constexpr Setting kTable[] = {
    // ---- worker
    {"worker", "count",
     Kind::kNumber, Effect::kScanner, kCommented, "0", {0, 256}, kNoWords, AT(worker_count),
     "How many scanner processes there are. Each scans one message at a time. 0: one for each processor core."},
    {"worker", "scan_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "1m", kTimeout, kNoWords, AT(scan_timeout),
     "How long the scan of one message may take. Then the process is replaced, and timeout_action is done."},
    {"worker", "total_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "4m", kTimeout, kNoWords, AT(scan_total_timeout),
     "How long waiting for a process and the scan may take together; at least scan_timeout. Then timeout_action is "
     "done."},
    {"worker", "queue",
     Kind::kNumber, Effect::kReload, kCommented, "2000", {1, 100000}, kNoWords, AT(scan_queue),
     "How many messages may wait for a process. When half as many wait, a new message gets 452 and waits in the "
     "inbound queue; for one already begun that finds the queue full, down_action is done at once."},
    {"worker", "crash_limit",
     Kind::kNumber, Effect::kReload, kCommented, "3", {0, 1000}, kNoWords, AT(worker_crash_limit),
     "How many processes a message may cost, by crash or time-out, over all tries. Then it is held in the quarantine "
     "unscanned instead of being tried again. 0: no limit."},
    {"worker", "memory_limit",
     Kind::kOctets, Effect::kScanner, kCommented, "1g", {64 * kMega, kTera}, kNoWords, AT(worker_memory_limit),
     "Memory a scanner process may take in addition to the loaded signatures. One that wants more fails, and "
     "limit_action or, when it ends by that, error_action is done."},
    {"worker", "tmp_size",
     Kind::kOctets, Effect::kScanner, kCommented, "512m", {kMega, kTera}, kNoWords, AT(worker_tmp_size),
     "The size of a scanner process's temporary directory, which is kept in memory: archives are unpacked there. "
     "When it is full the scan fails, and limit_action is done."},
    {"worker", "sandbox",
     Kind::kYesNo, Effect::kScanner, kCommented, "yes", kNoRange, kNoWords, AT(sandbox),
     "Whether scanner processes are locked in by Landlock and seccomp. Leave it on: they read what strangers send."},

    // ---- scanner.clamav
    {"scanner.clamav", "enable",
     Kind::kYesNo, Effect::kScanner, kActive, "yes", kNoRange, kNoWords, AT(clamav.enable),
     "Whether ClamAV scans. With no, nothing is scanned and all mail is delivered as it is."},
    {"scanner.clamav", "database",
     Kind::kPath, Effect::kScanner, kActive, "/var/lib/clamav", kPathLength, kNoWords, AT(clamav.database),
     "The directory with the signatures. Empty or broken: the daemon does not start, or keeps what it has loaded."},
    {"scanner.clamav", "watch_interval",
     Kind::kDuration, Effect::kReload, kCommented, "1m", {0, 86400}, kNoWords, AT(clamav.watch_interval),
     "How often the directory is looked at. What freshclam brings is then loaded by itself, beside what is in use, "
     "once it has come to rest. 0: only a reload brings new signatures."},
    {"scanner.clamav", "action",
     Kind::kChoice, Effect::kReload, kActive, "quarantine", kNoRange, kFoundActions, AT(clamav.actions.found),
     "What is done with an infected message.\n"
     "quarantine: it is held and the client gets 250.\n"
     "reject: the client gets 554; the inbound Sendmail then sends a bounce, mostly to somebody whose address was "
     "forged. A message from <> is held instead.\n"
     "discard: the client gets 250 and the message is gone, which is logged.\n"
     "tag-and-deliver: it is delivered with X-Sandwich-Verdict in its header, for tests."},
    {"scanner.clamav", "failure_action",
     Kind::kChoice, Effect::kReload, kActive, "defer", kNoRange, kFailureActions, AT(clamav.actions.failure),
     "What is done with a message that could not be scanned: time-out, limit, crash, error. Each cause may have an action "
     "of its own: down_action and its like, below.\n"
     "defer: the client gets 451 and tries again, for days if need be.\n"
     "quarantine: it is held and the client gets 250.\n"
     "deliver-with-mark: it is delivered unscanned, with X-Sandwich-Verdict in its header."},
    {"scanner.clamav", "max_signature_age",
     Kind::kDuration, Effect::kScanner, kCommented, "0", {0, 365 * kDay}, kNoWords, AT(clamav.max_signature_age),
     "How old the signatures may be: by the build time of the newest database that freshclam keeps, or the newest file's "
     "time where there is none. Older ones find less than they should: what they call clean counts as not known, and "
     "stale_action is done; what they find is found. 0: any age. 7d stops mail a week after freshclam has stopped; with "
     "stale_action=deliver-with-mark it only says so in every message and in the log."},
    {"scanner.clamav", "allow_test_signatures",
     Kind::kYesNo, Effect::kScanner, kCommented, "no", kNoRange, kNoWords, AT(clamav.allow_test_signatures),
     "Whether a handful of test signatures (EICAR and the like) may stand in for the real ones. Only for "
     "demonstrations: no real virus is found."},
    {"scanner.clamav", "test_signatures",
     Kind::kPath, Effect::kScanner, kCommented, "", {0, 1000}, kNoWords, AT(clamav.test_signatures),
     "The directory of the test signatures. Empty: the one that was installed with the program."},
    {"scanner.clamav", "max_file_size",
     Kind::kOctets, Effect::kScanner, kCommented, "100m", {64 * kKilo, 2047 * kMega}, kNoWords,
     AT(clamav.max_file_size),
     "The largest file that is looked into, in a message or an archive. For a larger one limit_action is done."},
    {"scanner.clamav", "max_scan_size",
     Kind::kOctets, Effect::kScanner, kCommented, "400m", {64 * kKilo, 64 * kGiga}, kNoWords, AT(clamav.max_scan_size),
     "How much is unpacked from one message, all files together. Beyond that limit_action is done."},
    {"scanner.clamav", "max_recursion",
     Kind::kNumber, Effect::kScanner, kCommented, "17", {1, 100}, kNoWords, AT(clamav.max_recursion),
     "How deep archives may lie within archives. Deeper: limit_action is done."},
    {"scanner.clamav", "max_files",
     Kind::kNumber, Effect::kScanner, kCommented, "10000", {1, 1000000}, kNoWords, AT(clamav.max_files),
     "How many files one message may hold, those in archives included. With more limit_action is done."},
    {"scanner.clamav", "remember_clean",
     Kind::kNumber, Effect::kScanner, kCommented, "8192", {0, 1048576}, kNoWords, AT(clamav.remember_clean),
     "How many files in which nothing was found a scanner process remembers, so that the attachment of a hundred mails "
     "is looked at once by each; 16 octets of memory for each. They are known by a fingerprint under a secret key, and "
     "forgotten with the signatures that they were scanned for. 0: none."},

    // ---- scanner.clamd NAME
    {kClamdSection, "enable",
     Kind::kYesNo, Effect::kReload, kCommented, "yes", kNoRange, kNoWords, AT(other_scanners.back().enable),
     "Whether it is asked."},
    {kClamdSection, "server",
     Kind::kText, Effect::kReload, kCommented, "/run/clamav/clamd.ctl", {1, 1000}, kNoWords,
     AT(other_scanners.back().server),
     "Where clamd listens: the path of a socket, or an address with or without a port (3310), as /run/clamav/clamd.ctl "
     "192.0.2.1 [2001:db8::1]:3311, at most 16. The first that answers is asked; one that fails three times is left "
     "alone for a second, then two, up to a minute."},
    {kClamdSection, "action",
     Kind::kChoice, Effect::kReload, kCommented, "quarantine", kNoRange, kFoundActions,
     AT(other_scanners.back().actions.found),
     "What is done with a message in which it finds something; the words are those of [scanner.clamav]. When several "
     "scanners find something, the first of these counts: quarantine, reject, discard, tag-and-deliver."},
    {kClamdSection, "failure_action",
     Kind::kChoice, Effect::kReload, kCommented, "defer", kNoRange, kFailureActions,
     AT(other_scanners.back().actions.failure),
     "What is done with a message of which it cannot tell: no server answers in time, or what it says makes no sense. "
     "Of several scanners the first of these counts: defer, quarantine, deliver-with-mark."},
    {kClamdSection, "timeout",
     Kind::kDuration, Effect::kReload, kCommented, "1m", kTimeout, kNoWords, AT(other_scanners.back().timeout),
     "How long one message may take, all servers and waiting for a connection together; at most [worker] total_timeout. Each server gets an equal share of what is left."},
    {kClamdSection, "max_signature_age",
     Kind::kDuration, Effect::kReload, kCommented, "0", {0, 365 * kDay}, kNoWords,
     AT(other_scanners.back().max_signature_age),
     "How old its signatures may be, by the date that clamd tells of them (VERSION), which is taken for one of this "
     "machine's time zone. One that tells none has none that are new. 0: any age."},
    {kClamdSection, "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "10", {1, 1000}, kNoWords, AT(other_scanners.back().max_connections),
     "Connections to one server at the same time; further messages wait."},

    // ---- scanner.icap NAME
    {kIcapSection, "enable",
     Kind::kYesNo, Effect::kReload, kCommented, "yes", kNoRange, kNoWords, AT(other_scanners.back().enable),
     "Whether it is asked."},
    {kIcapSection, "server",
     Kind::kText, Effect::kReload, kCommented, "icap://127.0.0.1:1344/avscan", {1, 1000}, kNoWords,
     AT(other_scanners.back().server),
     "The service as icap://ADDRESS:PORT/SERVICE, at most 16, in order of preference as with clamd. The port may be left "
     "out (1344)."},
    {kIcapSection, "method",
     Kind::kChoice, Effect::kReload, kCommented, "respmod", kNoRange, kIcapMethods, AT(other_scanners.back().method),
     "Whether the message goes as the answer to an HTTP request (respmod) or as the body of one (reqmod); the service "
     "says which it takes."},
    {kIcapSection, "action",
     Kind::kChoice, Effect::kReload, kCommented, "quarantine", kNoRange, kFoundActions,
     AT(other_scanners.back().actions.found),
     "What is done with a message in which it finds something; the words are those of [scanner.clamav]. When several "
     "scanners find something, the first of these counts: quarantine, reject, discard, tag-and-deliver."},
    {kIcapSection, "failure_action",
     Kind::kChoice, Effect::kReload, kCommented, "defer", kNoRange, kFailureActions,
     AT(other_scanners.back().actions.failure),
     "What is done with a message of which it cannot tell: no server answers in time, or what it says makes no sense. "
     "Of several scanners the first of these counts: defer, quarantine, deliver-with-mark."},
    {kIcapSection, "timeout",
     Kind::kDuration, Effect::kReload, kCommented, "1m", kTimeout, kNoWords, AT(other_scanners.back().timeout),
     "How long one message may take, all servers and waiting for a connection together; at most [worker] total_timeout. Each server gets an equal share of what is left."},
    {kIcapSection, "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "10", {1, 1000}, kNoWords, AT(other_scanners.back().max_connections),
     "Connections to one server at the same time; further messages wait."},

    // ---- scanner.check NAME
    {kCheckSection, "enable",
     Kind::kYesNo, Effect::kReload, kCommented, "yes", kNoRange, kNoWords, AT(other_scanners.back().enable),
     "Whether it is asked."},
    {kCheckSection, "program",
     Kind::kText, Effect::kReload, kCommented, "/usr/local/sbin/sandwich-check", {2, 1000}, kNoWords,
     AT(other_scanners.back().program),
     "The program, with its absolute path, and its arguments, separated by blanks; there are no quotes. scan_user must be "
     "able to run it."},
    {kCheckSection, "message",
     Kind::kChoice, Effect::kReload, kCommented, "input", kNoRange, kMessageAs, AT(other_scanners.back().message),
     "How it gets the message.\n"
     "input: on its standard input.\n"
     "file: as the path of a file, which is its last argument."},
    {kCheckSection, "action",
     Kind::kChoice, Effect::kReload, kCommented, "quarantine", kNoRange, kFoundActions,
     AT(other_scanners.back().actions.found),
     "What is done with a message in which it finds something; the words are those of [scanner.clamav]. When several "
     "scanners find something, the first of these counts: quarantine, reject, discard, tag-and-deliver."},
    {kCheckSection, "failure_action",
     Kind::kChoice, Effect::kReload, kCommented, "defer", kNoRange, kFailureActions,
     AT(other_scanners.back().actions.failure),
     "What is done with a message of which it cannot tell: it takes too long, ends otherwise than it should, or says that it cannot. "
     "Of several scanners the first of these counts: defer, quarantine, deliver-with-mark."},
    {kCheckSection, "timeout",
     Kind::kDuration, Effect::kReload, kCommented, "1m", kTimeout, kNoWords, AT(other_scanners.back().timeout),
     "How long one message may take, waiting for a free place included; at most [worker] total_timeout. Then the program is killed with all that it has started."},
    {kCheckSection, "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "2", {1, 64}, kNoWords, AT(other_scanners.back().max_connections),
     "How many of it run at the same time; further messages wait."},

    // ---- content
    {"content", "failure_action",
     Kind::kChoice, Effect::kReload, kCommented, "scanner.clamav", kNoRange, kFailureActions,
     AT(content_actions.failure),
     "What is done with a message into which nobody could look, where the cause has no action of its own. The word "
     "scanner.clamav: failure_action of that section.", "scanner.clamav"},
    {"content", "limit_entities",
     Kind::kNumber, Effect::kScanner, kCommented, "64", {1, 1000}, kNoWords, AT(content_limits.entities),
     "How many MIME parts one message may have."},
    {"content", "limit_headers",
     Kind::kNumber, Effect::kScanner, kCommented, "500", {20, 100000}, kNoWords, AT(content_limits.header_fields),
     "How many header fields one part may have."},
    {"content", "limit_header_params",
     Kind::kNumber, Effect::kScanner, kCommented, "100", {8, 10000}, kNoWords, AT(content_limits.header_parameters),
     "How many parameters one header field may have."},
    {"content", "limit_layers",
     Kind::kNumber, Effect::kScanner, kCommented, "16", {1, 50}, kNoWords, AT(content_limits.layers),
     "How deep archives, documents and messages may lie in each other."},
    {"content", "limit_files",
     Kind::kNumber, Effect::kScanner, kCommented, "1000", {1, 1900}, kNoWords, AT(content_limits.files),
     "How many files all archives and documents of one message may hold."},
    {"content", "limit_expanded_size",
     Kind::kOctets, Effect::kScanner, kCommented, "400m", {kMega, 4096 * kMega}, kNoWords,
     AT(content_limits.expanded_size),
     "How many octets may come out of all archives and documents of one message."},
    {"content", "limit_ratio",
     Kind::kNumber, Effect::kScanner, kCommented, "200", {2, 100000}, kNoWords, AT(content_limits.ratio),
     "How many octets may come out of an archive for each octet of it. What expands to less than 1 MiB is not judged by "
     "it."},
    {"content", "limit_readings",
     Kind::kNumber, Effect::kScanner, kCommented, "32", {0, 1000}, kNoWords, AT(content_limits.readings),
     "Mail programs read broken MIME in different ways. How many of the parts that only another reading shows are looked "
     "at in one message."},
    {"content", "scan_time",
     Kind::kDuration, Effect::kScanner, kCommented, "20s", {1, 3600}, kNoWords, AT(content_limits.scan_time),
     "How long looking into one message may take, without the time of the scanners."},

    // ---- recipients PATTERN
    {kRecipientsSection, "action",
     Kind::kChoice, Effect::kReload, kCommented, "scanner.clamav", kNoRange, kFoundActions,
     AT(recipients.back().actions.found),
     "What is done with an infected message for these recipients. The words are those of [scanner.clamav]; the word "
     "scanner.clamav itself: the same as there, and for what another scanner finds, its own action. Any other word "
     "counts whichever scanner has found something.", "scanner.clamav"},
    {kRecipientsSection, "failure_action",
     Kind::kChoice, Effect::kReload, kCommented, "scanner.clamav", kNoRange, kFailureActions,
     AT(recipients.back().actions.failure),
     "What is done for these recipients with a message that could not be scanned, whichever scanner cannot tell. The word "
     "scanner.clamav: what is set for each scanner.", "scanner.clamav"},
};
// clang-format on

}  // namespace
}  // namespace scanner_rows

std::vector<Setting> scanner_table() {
    return {std::begin(scanner_rows::kTable), std::end(scanner_rows::kTable)};
}

}  // namespace config
