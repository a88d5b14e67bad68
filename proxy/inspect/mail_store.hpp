// Mails to be judged again, one after the other: from mboxes, Maildirs, directories and files, or from the quarantine.
// Nothing is written, and nothing but the mails and their metadata is read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mail/envelope.hpp"
#include "mail/message.hpp"
#include "policy/condition.hpp"

namespace inspect {

inline constexpr std::size_t kMaxMails = 10'000'000;
inline constexpr int kMaxDepth = 32;  // directories in one another

// What the command line says in place of what is found.
struct Overrides {
    std::optional<std::string> from;
    std::vector<std::string> to;
    std::optional<policy::ClientAddress> client;
};

// A mail with everything that rules look at.
struct StoredMail {
    mail::MessagePtr message;
    mail::Envelope envelope;
    std::optional<policy::ClientAddress> client;
    policy::Moment moment;
};

class MailStore {
  public:
    MailStore() = default;
    MailStore(const MailStore&) = delete;
    MailStore& operator=(const MailStore&) = delete;
    virtual ~MailStore() = default;

    [[nodiscard]] virtual std::size_t size() const = 0;
    // For people: "/var/mail/bob:12", "1K0XC8BSAY2J8S". Printable or not.
    [[nodiscard]] virtual std::string name(std::size_t mail) const = 0;
    // Error: unreadable, changed since it was listed, too large.
    virtual base::Result<StoredMail> load(std::size_t mail) const = 0;
};

struct StoreOptions {
    Overrides overrides;
    std::size_t limit = 0;  // octets of a mail
    std::string proxy;      // our name in Received fields
};

// A file that begins with "From " is an mbox, another one a mail. Of a directory: what lies in "cur" and "new" of a
// Maildir, files that end in ".eml", mboxes; also below it, but for symbolic links. Error: a source is not there, or
// cannot be read.
base::Result<std::unique_ptr<MailStore>> open_files(const std::vector<std::string>& sources, StoreOptions options);

// `area`: only what is held there.
base::Result<std::unique_ptr<MailStore>> open_quarantine(const std::string& directory,
                                                         const std::optional<std::string>& area,
                                                         const StoreOptions& options);

}  // namespace inspect
