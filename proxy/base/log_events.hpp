// Every event that the daemon logs under a name: level, name and what it means to an administrator.
//
// The list is the reference: sandwichd(8) prints it, and code cannot log an event that is not declared here. The line
// of each message (session/message_log) is the one exception: it has Sendmail's form and no name.
#pragma once

#include <string_view>

namespace base::log {

enum class Level { kDebug, kInfo, kNotice, kWarning, kError, kCritical };

struct Event {
    Level level;
    std::string_view name;
    std::string_view meaning;
};

// clang-format off
#define SANDWICH_LOG_EVENTS(X) \
    X(kStarted,            kNotice,   "started",             "The daemon, or one of its processes, is ready.") \
    X(kStopped,            kNotice,   "stopped",             "The daemon, or one of its processes, has ended as asked.") \
    X(kStartFailed,        kCritical, "start_failed",        "The daemon cannot start; the text says why and what to do.") \
    X(kChildDied,          kError,    "child_died",          "A process of the daemon ended by itself; it is started anew.") \
    X(kReloaded,           kNotice,   "reloaded",            "New configuration or new signatures are in use.") \
    X(kReloadRefused,      kError,    "reload_refused",      "The new configuration or the new signatures were refused; the old ones stay.") \
    X(kConfigWarning,      kWarning,  "config_warning",      "The configuration is valid, but something in it deserves a look.") \
    X(kUnsafe,             kWarning,  "unsafe",              "A protection is off or weakened, by configuration or because the system lacks it.") \
    X(kClientRefused,      kWarning,  "client_refused",      "A client not in smtp_allow_client_ip connected; it got 421.") \
    X(kOverload,           kWarning,  "overload",            "No descriptors or no memory for another session; clients wait to be accepted.") \
    X(kLimitReached,       kWarning,  "limit_reached",       "A limit was reached: its setting and the client. At most one line in 10 s for each; sandwichctl(8) status counts all.") \
    X(kDataAfterDot,       kCritical, "data_after_dot",      "A client sent on after the end of a message: it doubles no dots (mailer flag X), and text can become commands. The message is held.") \
    X(kBareNewline,        kNotice,   "bare_newline",        "A text with a CR or LF by itself was mended or refused, as bare_newline says.") \
    X(kSessionError,       kInfo,     "session_error",       "An upstream session ended otherwise than by QUIT: time-out, reset, too many errors.") \
    X(kDownstreamDown,     kError,    "downstream_down",     "A delivery server could not be reached or refused the session; another is used, or mail waits with the upstream. It is tried again after 1 s, 2 s, up to a minute.") \
    X(kDownstreamUp,       kNotice,   "downstream_up",       "A delivery server answers again.") \
    X(kDownstreamFault,    kWarning,  "downstream_fault",    "The delivery server broke off, was silent or talked nonsense within a mail.") \
    X(kDownstreamLoop,     kCritical, "downstream_loop",     "The delivery server greets with our own name: mail would go round in a circle.") \
    X(kRouteName,          kWarning,  "route_name",          "DNS has no address for a name in a route, or cannot tell; the last good answer is used while it cannot tell, else the next route.") \
    X(kDownstreamTls,      kInfo,     "downstream_tls",      "A connection to the delivery server is under TLS: version and cipher.") \
    X(kDownstreamClear,    kWarning,  "downstream_clear",    "TLS could not be had from the delivery server, and the connection goes on in the clear, as opportunistic permits.") \
    X(kExtensionLost,      kNotice,   "extension_lost",      "The delivery server no longer offers an extension that was promised to the upstream; the parameter was dropped.") \
    X(kPossibleDuplicate,  kWarning,  "possible_duplicate",  "The delivery server may have taken the message although the upstream will try again.") \
    X(kRetryRecognised,    kNotice,   "retry_recognised",    "A message, or some of its recipients, was delivered, held or discarded before: the upstream gets 250, and it is not sent again.") \
    X(kRetryEarly,         kNotice,   "retry_early",         "A message came again while its earlier try still waits for the delivery server; it was deferred.") \
    X(kSameMail,           kInfo,     "same_mail",           "A mail that nothing identifies has sender, recipient and text of an earlier one. Both are delivered: they may be two.") \
    X(kJournalFailed,      kError,    "journal_failed",      "The journal cannot be written or read; mail goes on, but a crash may deliver a message twice.") \
    X(kExplainFailed,      kError,    "explain_failed",      "What sandwichctl why tells cannot be written or read; mail goes on, and is not explained.") \
    X(kExplainLost,        kWarning,  "explain_lost",        "Mail came faster than explanations could be written; that many mails are not explained.") \
    X(kUsersFailed,        kError,    "users_failed",        "The user list cannot be opened or written; mail goes on, and what is seen meanwhile is not in it.") \
    X(kUsersFull,          kWarning,  "users_full",          "The user list holds as many addresses as [users] max; it takes no new ones by itself. At most one line in an hour.") \
    X(kUsersChanged,       kNotice,   "users_changed",       "The user list was changed with sandwichctl.") \
    X(kCommandEnded,       kWarning,  "command_ended",       "A process of the command in original could not be started, or ended with a failure or by force.") \
    X(kHeldInstead,        kWarning,  "held_instead",        "The delivery server refused a message for some recipients after others had it; those copies are held, and the postmaster is told.") \
    X(kEditFailed,         kWarning,  "edit_failed",         "A message could not be changed as a rule asks. Without its stamp it is delivered; when something was to be taken out of it, it is held.") \
    X(kNoticeFailed,       kError,    "notice_failed",       "A notice to the postmaster could not be delivered.") \
    X(kSetAside,           kWarning,  "set_aside",           "A message has cost as many scanner workers as crash_limit allows; it is held unscanned.") \
    X(kStorageFailed,      kError,    "storage_failed",      "A message could not be written to the spool or the quarantine; it was deferred.") \
    X(kScanFailed,         kWarning,  "scan_failed",         "A message could not be scanned (time-out, limit, crash, error); the failure action was taken.") \
    X(kSignaturesStale,    kWarning,  "signatures_stale",    "A scanner's signatures are older than max_signature_age; stale_action is done. At most one line in an hour for each.") \
    X(kWorkerLost,         kError,    "worker_lost",         "A scanner worker crashed or overran its deadline and was replaced.") \
    X(kScannerUnavailable, kError,    "scanner_unavailable", "No scanner worker is there; mail is deferred until one is.") \
    X(kNetworkScannerDown, kError,    "network_scanner_down", "A server of clamd or ICAP has failed several times; another is asked, or failure_action is done. It is tried again after 1 s, 2 s, up to a minute.") \
    X(kNetworkScannerUp,   kNotice,   "network_scanner_up",  "A server of clamd or ICAP answers again.") \
    X(kSourceDown,         kError,    "source_down",         "A source of recipients does not answer; another is asked, or source_down is done. Nobody is refused for that.") \
    X(kSourceUp,           kNotice,   "source_up",           "A source of recipients answers again.") \
    X(kSourceUnread,       kError,    "source_unread",       "A list or map of recipients cannot be read; whom the version before knows is known, nobody is unknown.") \
    X(kSourceRead,         kInfo,     "source_read",         "A list or Sendmail's maps have changed and were read anew.") \
    X(kGuessing,           kNotice,   "guessing",            "A client has named more unknown recipients than unknown_per_minute; its refusals wait. At most one line in a minute for each.") \
    X(kSocketmapFault,     kWarning,  "socketmap_fault",     "A client of the socketmap was not allowed, sent nonsense or was too many.") \
    X(kQuarantined,        kNotice,   "quarantined",         "A message is held in the quarantine.") \
    X(kQuarantineRelease,  kNotice,   "quarantine_release",  "A message was released from the quarantine, or could not be.") \
    X(kQuarantineDelete,   kNotice,   "quarantine_delete",   "A message was deleted from the quarantine, by hand or because it was too old.") \
    X(kQuarantineFull,     kError,    "quarantine_full",     "The quarantine has reached max_size or the disk floor; what should be held is deferred.") \
    X(kControlDenied,      kWarning,  "control_denied",      "A request on the control socket was refused or malformed.") \
    X(kLogLost,            kError,    "log_lost",            "The system's logger was too slow; that many lines were dropped.")
// clang-format on

#define SANDWICH_DECLARE_EVENT(id, level, name, meaning) inline constexpr Event id{Level::level, name, meaning};
SANDWICH_LOG_EVENTS(SANDWICH_DECLARE_EVENT)
#undef SANDWICH_DECLARE_EVENT

#define SANDWICH_LIST_EVENT(id, level, name, meaning) &id,
inline constexpr const Event* kEvents[] = {SANDWICH_LOG_EVENTS(SANDWICH_LIST_EVENT)};
#undef SANDWICH_LIST_EVENT

}  // namespace base::log
