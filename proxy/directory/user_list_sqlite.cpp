#include "directory/user_list_sqlite.hpp"

#include <sys/stat.h>

#include <utility>

#include "directory/user_list_address.hpp"
#include "directory/user_list_statement.hpp"
#include "policy/user_setting.hpp"

namespace directory {
namespace {

constexpr int kApplication = 0x53776355;  // "SwcU": whose file it is
constexpr int kPatience = 5000;           // ms, for another program that has the file open
// One text for each version of the schema, from the one before. A step that has been released is never changed.
constexpr const char* kSchema[] = {
    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, domain TEXT NOT NULL, source TEXT NOT "
    "NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL);"
    "CREATE INDEX mailbox_domain ON mailbox(domain, address);"
    "CREATE TABLE alias(address TEXT PRIMARY KEY, mailbox INTEGER NOT NULL REFERENCES mailbox(id) ON DELETE CASCADE, "
    "source TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX alias_mailbox ON alias(mailbox);"
    // A mailbox's settings go with it; a domain needs no mailbox.
    "CREATE TABLE mailbox_setting(mailbox INTEGER NOT NULL REFERENCES mailbox(id) ON DELETE CASCADE, name TEXT NOT "
    "NULL, value TEXT NOT NULL, PRIMARY KEY(mailbox, name)) WITHOUT ROWID;"
    "CREATE TABLE domain_setting(domain TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(domain, "
    "name)) WITHOUT ROWID;",
};
constexpr const char* kSetOfMailbox = "INSERT OR REPLACE INTO mailbox_setting VALUES(?, ?, ?)";
constexpr const char* kSetOfDomain = "INSERT OR REPLACE INTO domain_setting VALUES(?, ?, ?)";
constexpr int kVersion = static_cast<int>(std::size(kSchema));

std::int64_t pragma(sqlite3* database, const char* sql) {
    SqliteStatement statement(database, sql);
    return statement.next() ? statement.number(0) : 0;
}

// Brings the file to this program's version.
void upgrade(sqlite3* database) {
    const auto version = pragma(database, "PRAGMA user_version");
    const auto application = pragma(database, "PRAGMA application_id");
    if (version > 0 && application != kApplication)
        throw SqliteFailure("the file is an SQLite database of another program");
    if (version > kVersion)
        throw SqliteFailure(
            fmt::format("the file has version {} of the schema, and this program knows {}: a newer "
                        "version of Sandwich has made it",
                        version, kVersion));
    if (version == kVersion)
        return;
    SqliteTransaction transaction(database);
    // Again: another connection may have done it meanwhile.
    for (auto step = pragma(database, "PRAGMA user_version"); step < kVersion; ++step)
        execute(database, kSchema[step]);
    execute(database,
            fmt::format("PRAGMA user_version = {}; PRAGMA application_id = {}", kVersion, kApplication).c_str());
    transaction.commit();
}

// `work` with exceptions as errors.
template <typename Work>
auto guarded(Work work) -> decltype(work()) {
    try {
        return work();
    } catch (const SqliteFailure& failure) {
        return base::error("{}", failure.what());
    }
}

class SqliteUserStore final : public UserStore {
  public:
    explicit SqliteUserStore(SqliteDatabase database)
        : database_(std::move(database)),
          mailbox_(prepare("SELECT id, address, source, first_seen, last_seen FROM mailbox WHERE address = ?")),
          owner_(prepare("SELECT mailbox.id, mailbox.address, mailbox.source, mailbox.first_seen, mailbox.last_seen, "
                         "alias.source FROM alias JOIN mailbox ON mailbox.id = alias.mailbox WHERE alias.address = ?")),
          insert_mailbox_(prepare("INSERT INTO mailbox(address, domain, source, first_seen, last_seen) VALUES(?, ?, ?, "
                                  "?, ?)")),
          insert_alias_(
              prepare("INSERT OR REPLACE INTO alias(address, mailbox, source, first_seen, last_seen) VALUES(?, "
                      "?, ?, ?, ?)")),
          see_mailbox_(
              prepare("UPDATE mailbox SET last_seen = max(last_seen, ?1), first_seen = iif(first_seen = 0, ?1, "
                      "first_seen) WHERE id = ?2")),
          see_alias_(prepare("UPDATE alias SET last_seen = max(last_seen, ?1), first_seen = iif(first_seen = 0, ?1, "
                             "first_seen) WHERE address = ?2")),
          aliases_(
              prepare("SELECT address, source, first_seen, last_seen FROM alias WHERE mailbox = ? ORDER BY address")),
          settings_(prepare("SELECT name, value FROM mailbox_setting WHERE mailbox = ? ORDER BY name")) {
        const auto counts = count_rows();
        addresses_ = counts.mailboxes + counts.aliases;
    }

    base::Result<std::uint64_t> record(std::span<const Sighting> sightings, std::uint64_t limit) override {
        return restoring_count<base::Result<std::uint64_t>>([&]() -> base::Result<std::uint64_t> {
            std::uint64_t left_out = 0;
            SqliteTransaction transaction(database_.get());
            for (const auto& sighting : sightings)
                left_out += record_one(sighting, limit) ? 0 : 1;
            transaction.commit();
            return left_out;
        });
    }

    base::Status add(std::span<const UserEntry> entries, std::int64_t now) override {
        return restoring_count<base::Status>([&]() -> base::Status {
            SqliteTransaction transaction(database_.get());
            for (const auto& entry : entries)
                if (auto added = add_one(entry, now); !added)
                    return added;
            transaction.commit();
            return base::ok();
        });
    }

    base::Status remove(const std::string& address) override {
        return restoring_count<base::Status>([&]() -> base::Status {
            SqliteTransaction transaction(database_.get());
            if (const auto row = find_mailbox(address)) {
                addresses_ -= 1 + aliases_of(row->id).size();
                prepare("DELETE FROM mailbox WHERE id = ?").run(row->id);
            } else if (prepare("DELETE FROM alias WHERE address = ?").run(address) == 1) {
                --addresses_;
            } else {
                return base::error("{} is not in the list", address);
            }
            transaction.commit();
            return base::ok();
        });
    }

    base::Status set(const std::string& scope, const std::string& name,
                     const std::optional<std::string>& value) override {
        return guarded([&]() -> base::Status {
            const bool domain = scope.starts_with('@');
            const auto row = domain ? std::nullopt : find_any(scope);
            if (!domain && !row)
                return base::error("{} is not in the list", scope);
            int changed = 0;
            if (domain && value)
                changed = prepare(kSetOfDomain).run(scope, name, *value);
            else if (domain)
                changed = prepare("DELETE FROM domain_setting WHERE domain = ? AND name = ?").run(scope, name);
            else if (value)
                changed = prepare(kSetOfMailbox).run(row->id, name, *value);
            else
                changed = prepare("DELETE FROM mailbox_setting WHERE mailbox = ? AND name = ?").run(row->id, name);
            return changed > 0 ? base::ok() : base::Status(base::error("{} has no setting {}", scope, name));
        });
    }

    base::Result<std::optional<User>> find(const std::string& address) override {
        return guarded([&]() -> base::Result<std::optional<User>> {
            const auto row = find_any(address);
            return row ? std::optional(complete(*row)) : std::nullopt;
        });
    }

    base::Result<std::vector<UserSetting>> domain_settings(const std::string& domain) override {
        return guarded([&]() -> base::Result<std::vector<UserSetting>> {
            auto statement = prepare("SELECT name, value FROM domain_setting WHERE domain = ? ORDER BY name");
            statement.bind(domain);
            return settings_from(statement);
        });
    }

    base::Result<std::vector<UserDomain>> domains(const std::string& after, std::size_t most) override {
        return guarded([&]() -> base::Result<std::vector<UserDomain>> {
            auto statement = prepare(
                "SELECT domain, name, value FROM domain_setting WHERE domain IN (SELECT DISTINCT domain FROM "
                "domain_setting WHERE domain > ?1 ORDER BY domain LIMIT ?2) ORDER BY domain, name");
            statement.bind(after, static_cast<std::int64_t>(most));
            std::vector<UserDomain> domains;
            while (statement.next()) {
                if (domains.empty() || domains.back().domain != statement.text(0))
                    domains.push_back({statement.text(0), {}});
                domains.back().settings.push_back({statement.text(1), statement.text(2)});
            }
            return domains;
        });
    }

    base::Status each_with_settings(const std::function<void(const User&)>& take) override {
        return guarded([&]() -> base::Status {
            auto statement = prepare(
                "SELECT id, address, source, first_seen, last_seen FROM mailbox WHERE id IN (SELECT mailbox FROM "
                "mailbox_setting)");
            statement.bind();
            while (statement.next())
                take(complete(row_from(statement)));
            return base::ok();
        });
    }

    base::Result<std::vector<User>> page(const UserFilter& filter, const std::string& after,
                                         std::size_t most) override {
        return guarded([&]() -> base::Result<std::vector<User>> {
            // instr() is literal, where LIKE would take % and _ for signs. An address of no domain is "@".
            auto statement = prepare(
                "SELECT id, address, source, first_seen, last_seen FROM mailbox WHERE address > ?1 AND (?2 = '' OR "
                "domain = ?2) AND (?3 = '' OR instr(address, ?3) > 0 OR EXISTS(SELECT 1 FROM alias WHERE alias.mailbox "
                "= mailbox.id AND instr(alias.address, ?3) > 0)) ORDER BY address LIMIT ?4");
            statement.bind(after, filter.domain.empty() ? std::string_view() : domain_of(filter.domain), filter.text,
                           static_cast<std::int64_t>(most));
            std::vector<Row> rows;
            while (statement.next())
                rows.push_back(row_from(statement));
            std::vector<User> users;
            users.reserve(rows.size());
            for (const auto& row : rows)
                users.push_back(complete(row));
            return users;
        });
    }

    base::Result<UserCounts> count() override {
        return guarded([&]() -> base::Result<UserCounts> { return count_rows(); });
    }

  private:
    struct Row {
        std::int64_t id = 0;
        User user;
        std::string alias_source;  // of the alias that led to it
    };

    SqliteStatement prepare(const char* sql) { return {database_.get(), sql}; }

    // As guarded(); and when nothing was changed in the end, the number of addresses has not changed either.
    template <typename Answer, typename Work>
    Answer restoring_count(Work work) {
        const auto before = addresses_;
        auto answer = guarded(std::move(work));
        if (!answer)
            addresses_ = before;
        return answer;
    }

    static Row row_from(const SqliteStatement& statement) {
        Row row;
        row.id = statement.number(0);
        row.user.mailbox = statement.text(1);
        row.user.source = statement.text(2);
        row.user.first_seen = statement.number(3);
        row.user.last_seen = statement.number(4);
        return row;
    }

    std::optional<Row> find_mailbox(const std::string& address) {
        if (!mailbox_.bind(address).next())
            return std::nullopt;
        auto row = row_from(mailbox_);
        mailbox_.restart();
        return row;
    }

    // The mailbox that has this alias.
    std::optional<Row> find_owner(const std::string& alias) {
        if (!owner_.bind(alias).next())
            return std::nullopt;
        auto row = row_from(owner_);
        row.alias_source = owner_.text(5);
        owner_.restart();
        return row;
    }

    std::optional<Row> find_any(const std::string& address) {
        auto row = find_mailbox(address);
        return row ? row : find_owner(address);
    }

    std::vector<UserAlias> aliases_of(std::int64_t id) {
        std::vector<UserAlias> aliases;
        aliases_.bind(id);
        while (aliases_.next())
            aliases.push_back({aliases_.text(0), aliases_.text(1), aliases_.number(2), aliases_.number(3)});
        return aliases;
    }

    static std::vector<UserSetting> settings_from(SqliteStatement& statement) {
        std::vector<UserSetting> settings;
        while (statement.next())
            settings.push_back({statement.text(0), statement.text(1)});
        return settings;
    }

    User complete(const Row& row) {
        auto user = row.user;
        user.aliases = aliases_of(row.id);
        settings_.bind(row.id);
        user.settings = settings_from(settings_);
        return user;
    }

    UserCounts count_rows() {
        auto mailboxes = prepare("SELECT count(*) FROM mailbox");
        auto aliases = prepare("SELECT count(*) FROM alias");
        return {mailboxes.next() ? static_cast<std::uint64_t>(mailboxes.number(0)) : 0,
                aliases.next() ? static_cast<std::uint64_t>(aliases.number(0)) : 0};
    }

    // False: there is no room for a new address.
    bool record_one(const Sighting& sighting, std::uint64_t limit) {
        const bool folds = !sighting.mailbox.empty() && sighting.mailbox != sighting.address;
        const auto own = find_mailbox(sighting.address);
        auto owner = own ? std::nullopt : find_owner(sighting.address);
        // What was put in by hand, or is disabled, stays, also as the mailbox that it is.
        const bool by_hand = (own && (own->user.source == kByHand || (folds && is_disabled(own->id)))) ||
                             (owner && owner->alias_source == kByHand);
        if (folds && !by_hand && !(owner && owner->user.mailbox == sighting.mailbox))
            return record_alias(sighting, limit);
        if (!own && !owner) {
            if (addresses_ >= limit)
                return false;
            insert_mailbox(sighting.address, sighting.source, sighting.time);
            return true;
        }
        see_mailbox_.run(sighting.time, own ? own->id : owner->id);
        if (owner)
            see_alias_.run(sighting.time, sighting.address);
        return true;
    }

    bool is_disabled(std::int64_t id) {
        auto statement = prepare("SELECT 1 FROM mailbox_setting WHERE mailbox = ? AND name = ?");
        return statement.bind(id, policy::kind_of(policy::Setting::kDisabled).name).next();
    }

    bool record_alias(const Sighting& sighting, std::uint64_t limit) {
        auto target = find_any(sighting.mailbox);
        if (!target && addresses_ >= limit)
            return false;
        const auto id = target ? target->id : insert_mailbox(sighting.mailbox, sighting.source, sighting.time);
        if (!find_any(sighting.address) && addresses_ >= limit)
            return false;
        attach(id, sighting.address, sighting.source, sighting.time);
        see_mailbox_.run(sighting.time, id);
        return true;
    }

    std::int64_t insert_mailbox(const std::string& address, const std::string& source, std::int64_t time) {
        insert_mailbox_.run(address, domain_of(address), source, time, time);
        ++addresses_;
        return sqlite3_last_insert_rowid(database_.get());
    }

    // Makes `address` an alias of that mailbox. What was a mailbox of that name is folded into it: its aliases, its
    // settings where the other has none, the times.
    void attach(std::int64_t id, const std::string& address, const std::string& source, std::int64_t time) {
        const auto folded = find_mailbox(address);
        if (folded && folded->id == id)
            return;
        std::int64_t first = time;
        if (folded) {
            first = folded->user.first_seen;
            prepare("UPDATE alias SET mailbox = ? WHERE mailbox = ?").run(id, folded->id);
            prepare("UPDATE OR IGNORE mailbox_setting SET mailbox = ? WHERE mailbox = ?").run(id, folded->id);
            prepare(
                "UPDATE mailbox SET first_seen = iif(?1 > 0 AND (first_seen = 0 OR ?1 < first_seen), ?1, first_seen), "
                "last_seen = max(last_seen, ?2) WHERE id = ?3")
                .run(folded->user.first_seen, folded->user.last_seen, id);
            prepare("DELETE FROM mailbox WHERE id = ?").run(folded->id);
            time = std::max(time, folded->user.last_seen);
        } else if (!find_owner(address)) {
            ++addresses_;
        }
        insert_alias_.run(address, id, source, first, time);
    }

    base::Status add_one(const UserEntry& entry, std::int64_t now) {
        if (entry.mailbox.starts_with('@')) {
            for (const auto& setting : entry.settings)
                prepare(kSetOfDomain).run(entry.mailbox, setting.name, setting.value);
            return base::ok();
        }
        auto mailbox = find_mailbox(entry.mailbox);
        if (!mailbox) {
            if (const auto owner = find_owner(entry.mailbox))
                return base::error("{} is an alias of {}", entry.mailbox, owner->user.mailbox);
            insert_mailbox(entry.mailbox, entry.source, 0);
            mailbox = find_mailbox(entry.mailbox);
        } else if (entry.source == kByHand) {
            prepare("UPDATE mailbox SET source = ? WHERE id = ?").run(entry.source, mailbox->id);
        }
        for (const auto& alias : entry.aliases) {
            if (alias == entry.mailbox)
                return base::error("{} cannot be an alias of itself", alias);
            const auto owner = find_owner(alias);
            if (owner && owner->id != mailbox->id)
                return base::error("{} is an alias of {} already", alias, owner->user.mailbox);
            if (const auto own = find_mailbox(alias); own && is_disabled(own->id))
                return base::error("{} is disabled: enable it, or remove it, before it becomes an alias", alias);
            if (!owner)
                attach(mailbox->id, alias, entry.source, 0);
        }
        for (const auto& setting : entry.settings)
            prepare(kSetOfMailbox).run(mailbox->id, setting.name, setting.value);
        return base::ok();
    }

    SqliteDatabase database_;
    std::uint64_t addresses_ = 0;  // mailboxes and aliases
    SqliteStatement mailbox_;
    SqliteStatement owner_;
    SqliteStatement insert_mailbox_;
    SqliteStatement insert_alias_;
    SqliteStatement see_mailbox_;
    SqliteStatement see_alias_;
    SqliteStatement aliases_;
    SqliteStatement settings_;
};

}  // namespace

base::Result<std::unique_ptr<UserStore>> open_sqlite_user_store(const std::string& file) {
    sqlite3* raw = nullptr;
    const int opened = sqlite3_open_v2(
        file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        nullptr);
    SqliteDatabase database(raw);
    if (opened != SQLITE_OK)
        return base::error("{}: {}", file, raw != nullptr ? sqlite3_errmsg(raw) : "no memory");
    // Its log and index get the mode of the file itself.
    ::chmod(file.c_str(), 0600);
    sqlite3_busy_timeout(database.get(), kPatience);
    try {
        execute(
            database.get(),
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = "
            "OFF; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 4194304");
        upgrade(database.get());
        return std::unique_ptr<UserStore>(std::make_unique<SqliteUserStore>(std::move(database)));
    } catch (const SqliteFailure& failure) {
        return base::error("{}: {}", file, failure.what());
    }
}

}  // namespace directory
