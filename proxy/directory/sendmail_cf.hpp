// What sendmail.cf says about who is local, and where that is written: classes w, VirtHost and R, aliases,
// virtusertable, mailertable, the flags of the local mailer. Pure: it names files and opens none.
//
// It carries out no rule sets. Whatever in the file could make a user exist that these maps do not show (rules of the
// administrator's own, LUSER_RELAY, MAIL_HUB, maps behind servers) stands in `open`: then nobody is said to be unknown.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace directory {

// A map as a K line or AliasFile declares it.
struct MapDeclaration {
    enum class Kind : std::uint8_t {
        kDatabase,  // FILE.db, hash or btree
        kText,      // FILE, columns
        kAliases,   // FILE.db, and FILE as an alias file when that has never been made ("implicit")
    };
    Kind kind = Kind::kDatabase;
    std::string path;       // as it is written
    bool optional = false;  // -o: when it is not there, it is empty
    bool fold = true;       // not -f: keys in lower case
    // Of a text map:
    unsigned key_column = 0;
    unsigned value_column = 1;
    char delimiter = '\0';  // none: blanks
    bool operator==(const MapDeclaration&) const = default;
};

// A class: words in the file itself, and files of words.
struct ClassDeclaration {
    struct File {
        std::string path;
        bool optional = false;
        bool first_word = true;  // "%s", the default; else whatever stands before `stop`
        std::string stop{};      // "%[^\#]": a word ends where one of these begins
        bool operator==(const File&) const = default;
    };
    std::set<std::string> words;  // lower case
    std::vector<File> files;
};

struct SendmailCf {
    static constexpr std::size_t kMaxSize = 4 << 20;  // octets

    ClassDeclaration local;      // class w
    ClassDeclaration virtuals;   // class {VirtHost}
    ClassDeclaration relayed;    // class R
    bool virtual_below = false;  // VIRTUSER_ENTIRE_DOMAIN: names below those of {VirtHost}, too
    std::vector<MapDeclaration> aliases;
    std::vector<MapDeclaration> virtusers;    // none or one
    std::vector<MapDeclaration> mailertable;  // none or one
    std::set<std::string> machine;            // names of the machine itself, in class w by themselves
    std::string host;                         // $j
    std::string masquerade;                   // $M; empty: none
    bool users = true;                        // the local mailer asks the password file (flag w)
    std::vector<std::string> open;            // why nobody can be said to be unknown; for people
};

// The domain under which people know a user that a map names without one: what Sendmail masquerades as, where that is
// local; else the only local domain besides the machine's own names; else $j, as Sendmail itself would write it.
// `local`: class w, with its files.
std::string home_domain(const SendmailCf& cf, const std::set<std::string>& local);

// `host_name`: the machine's, which Sendmail adds to class w as it does "localhost". Error: not a sendmail.cf.
base::Result<SendmailCf> parse_sendmail_cf(std::string_view text, std::string_view host_name);

}  // namespace directory
