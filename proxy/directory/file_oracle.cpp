#include "directory/file_oracle.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>

#include "base/log.hpp"
#include "config/load.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

namespace {

constexpr std::size_t kMaxListSize = 256 << 20;  // octets
constexpr std::int64_t kSecond = 1'000'000'000;  // ns

std::int64_t wall_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(base::Wall::now().time_since_epoch()).count();
}

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

// As Sendmail's mailbox database "pw": whatever the name service of the system has. Empty: it could not be asked.
std::optional<bool> system_has(const std::string& name) {
    std::string buffer(16384, '\0');
    passwd entry{};
    passwd* found = nullptr;
    const int status = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr || status == ERANGE)
        return true;
    if (status == 0 || status == ENOENT || status == ESRCH)
        return false;
    return std::nullopt;
}

std::set<std::string> passwd_names(std::string_view text) {
    std::set<std::string> names;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (const auto colon = line.find(':'); colon != std::string_view::npos && colon > 0)
            names.emplace(line.substr(0, colon));
    }
    return names;
}

// Reads what sendmail.cf names, and notes every file that an answer depends on.
class MapReader {
  public:
    base::Result<SendmailMaps> read(const SendmailCf& cf) {
        SendmailMaps maps;
        maps.virtual_below = cf.virtual_below;
        maps.users = cf.users;
        maps.open = cf.open;
        read(cf.local, maps.local);
        maps.home = home_domain(cf, maps.local);
        read(cf.virtuals, maps.virtuals);
        read(cf.relayed, maps.relayed);
        for (const auto& map : cf.virtusers)
            maps.virtusers = read(map, false);
        for (const auto& map : cf.mailertable)
            maps.mailertable = read(map, false);
        for (const auto& map : cf.aliases)
            if (auto table = read(map, true))
                maps.aliases.push_back(std::move(*table));
        if (!failure_.empty())
            return base::error("{}", failure_);
        return maps;
    }
    std::vector<std::string>& files() { return files_; }

  private:
    void read(const ClassDeclaration& declared, std::set<std::string>& words) {
        words = declared.words;
        for (const auto& file : declared.files) {
            const auto text = read_text(file.path, file.optional);
            if (text)
                parse_class_file(*text, file, words);
        }
    }

    std::optional<std::string> read_text(const std::string& path, bool optional) {
        files_.push_back(path);
        if (optional && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
            return std::string();
        auto text = config::read_file(path, kMaxListSize);
        if (!text) {
            failure_ = text.error().message;
            return std::nullopt;
        }
        return std::move(*text);
    }

    std::optional<SendmailMaps::Table> read(const MapDeclaration& map, bool aliases) {
        SendmailMaps::Table table;
        table.fold = map.fold;
        if (map.kind == MapDeclaration::Kind::kText) {
            const auto text = read_text(map.path, map.optional);
            if (!text)
                return std::nullopt;
            table.entries = parse_text_map(*text, map);
            return table;
        }
        const auto database = map.path.ends_with(".db") ? map.path : map.path + ".db";
        files_.push_back(database);
        const bool there = ::access(database.c_str(), F_OK) == 0 || errno != ENOENT;
        if (!there && map.kind == MapDeclaration::Kind::kAliases) {
            const auto text = read_text(map.path, map.optional);
            if (!text)
                return std::nullopt;
            table.entries = parse_alias_file(*text);
            return table;
        }
        if (!there && map.optional)
            return table;
        auto entries = read_database(database, aliases ? "@" : "");
        if (!entries) {
            failure_ = entries.error().message;
            return std::nullopt;
        }
        table.entries = std::move(*entries);
        return table;
    }

    std::vector<std::string> files_;
    std::string failure_;
};

}  // namespace

FileOracle::Stamp FileOracle::stamp_of(const std::string& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0)
        return {};
    return {true,
            static_cast<std::uint64_t>(facts.st_dev),
            static_cast<std::uint64_t>(facts.st_ino),
            static_cast<std::int64_t>(facts.st_size),
            static_cast<std::int64_t>(facts.st_mtim.tv_sec) * kSecond + facts.st_mtim.tv_nsec,
            static_cast<std::int64_t>(facts.st_ctim.tv_sec) * kSecond + facts.st_ctim.tv_nsec};
}

std::vector<FileOracle::Stamp> FileOracle::stamps_of(const std::vector<std::string>& paths) {
    std::vector<Stamp> stamps;
    stamps.reserve(paths.size());
    for (const auto& path : paths)
        stamps.push_back(stamp_of(path));
    return stamps;
}

// What changes in the future comes from a clock that was set back, and is no sign of work in progress.
bool FileOracle::quiet(const std::vector<Stamp>& stamps, std::int64_t now) {
    constexpr std::int64_t kQuietNs = std::chrono::nanoseconds(kQuiet).count();
    return std::ranges::none_of(
        stamps, [&](const Stamp& one) { return one.changed > now - kQuietNs && one.changed < now + kQuietNs; });
}

void FileOracle::refresh() {
    if (loaded_ && current_ && stamps_of(files_) == stamps_)
        return;
    current_ = false;
    const auto now = base::Monotonic::now();
    if (now - tried_ < (failure_.empty() ? kRetry : kQuiet))
        return;
    const auto begun = wall_now();
    if (loaded_ && !quiet(stamps_of(files_), begun))
        return say("its files are being changed");
    tried_ = now;
    auto files = load();
    if (!files) {
        if (failure_ != files.error().message)
            base::log::event(base::log::kSourceUnread, "{}: {}", id_, files.error().message);
        failure_ = files.error().message;
        return say("CANNOT BE READ: " + failure_);
    }
    if (loaded_ || !failure_.empty())
        base::log::event(base::log::kSourceRead, "{}: {}", id_, summary());
    failure_.clear();
    loaded_ = true;
    files_ = std::move(*files);
    stamps_ = stamps_of(files_);
    current_ = quiet(stamps_, begun);
    say(summary());
}

SourceAnswer FileOracle::answer(const policy::RecipientAddress& address) {
    refresh();
    if (!loaded_)
        return {Knowledge::kDown, failure_.empty() ? "not read yet" : failure_, {}};
    auto found = find(address);
    if (!current_ && found.knowledge == Knowledge::kUnknown)
        return {Knowledge::kDown, failure_.empty() ? "its files are being changed" : failure_, {}, failure_.empty()};
    return found;
}

void FileOracle::say(std::string state) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
}

std::string FileOracle::describe() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

base::Result<std::vector<std::string>> ListOracle::load() {
    const auto text = config::read_file(file_, kMaxListSize);
    if (!text)
        return text.error();
    auto list = RecipientList::parse(*text);
    if (!list)
        return base::error("{}: {}", file_, list.error().message);
    list_ = std::move(*list);
    return std::vector<std::string>{file_};
}

std::string ListOracle::summary() const {
    return fmt::format("{} recipients in {}", list_.size(), file_);
}

base::Result<std::vector<std::string>> MapsOracle::load() {
    const auto text = config::read_file(sendmail_cf_, SendmailCf::kMaxSize);
    if (!text)
        return text.error();
    const auto cf = parse_sendmail_cf(*text, host_name());
    if (!cf)
        return base::error("{}: {}", sendmail_cf_, cf.error().message);
    MapReader reader;
    auto maps = reader.read(*cf);
    if (!maps)
        return maps.error();
    auto files = std::move(reader.files());
    files.push_back(sendmail_cf_);
    if (!passwd_file_.empty()) {
        const auto passwd = config::read_file(passwd_file_, kMaxListSize);
        if (!passwd)
            return passwd.error();
        users_ = passwd_names(*passwd);
        files.push_back(passwd_file_);
    }
    maps_ = std::move(*maps);
    return files;
}

SourceAnswer MapsOracle::find(const policy::RecipientAddress& address) {
    return maps_.find(address, [this](const std::string& name) -> std::optional<bool> {
        return passwd_file_.empty() ? system_has(name) : users_.contains(name);
    });
}

std::string MapsOracle::summary() const {
    std::size_t aliases = 0;
    for (const auto& table : maps_.aliases)
        aliases += table.entries.size();
    return fmt::format(
        "{} local names, {} aliases, {} virtual users, {} routes{}", maps_.local.size(), aliases,
        maps_.virtusers ? maps_.virtusers->entries.size() : 0,
        maps_.mailertable ? maps_.mailertable->entries.size() : 0,
        maps_.open.empty() ? "" : fmt::format("; NOBODY IS UNKNOWN TO IT: {}", fmt::join(maps_.open, "; ")));
}

}  // namespace directory
