#include "directory/map_table.hpp"

#include <db.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/unique_fd.hpp"
#include "mail/text.hpp"

namespace directory {
namespace {

using mail::trim;

// Calls `use` with each line, without its end.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        use(line);
    }
}

std::string folded(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), mail::lower);
    return result;
}

std::vector<std::string_view> columns(std::string_view line, char delimiter) {
    std::vector<std::string_view> found;
    if (delimiter == '\0') {
        while (!(line = trim(line)).empty()) {
            const auto end = std::min(line.find_first_of(" \t"), line.size());
            found.push_back(line.substr(0, end));
            line.remove_prefix(end);
        }
        return found;
    }
    for (;;) {
        const auto end = std::min(line.find(delimiter), line.size());
        found.push_back(trim(line.substr(0, end)));
        if (end == line.size())
            return found;
        line.remove_prefix(end + 1);
    }
}

std::string_view without_nul(const DBT& octets) {
    std::string_view text(static_cast<const char*>(octets.data), octets.size);
    if (!text.empty() && text.back() == '\0')
        text.remove_suffix(1);
    return text;
}

// The part of an alias line before its colon; quotes keep a colon in.
std::string_view alias_name(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ':' && !quoted)
            return line.substr(0, i);
    }
    return {};
}

// The first octets of a database (DBMETA): a number that tells its kind and the order of octets, the size of a page,
// the number of the last page.
constexpr std::size_t kMagicAt = 12;
constexpr std::size_t kPageSizeAt = 20;
constexpr std::size_t kLastPageAt = 32;
constexpr std::size_t kHead = 36;
constexpr std::uint32_t kHashMagic = 0x061561;
constexpr std::uint32_t kBtreeMagic = 0x053162;

std::uint32_t number_at(const std::array<unsigned char, kHead>& head, std::size_t place, bool swapped) {
    std::uint32_t number = 0;
    std::memcpy(&number, head.data() + place, sizeof number);
    return swapped ? __builtin_bswap32(number) : number;
}

// A page of a hash that is not in the file counts as empty to libdb: who is in the missing part would be unknown.
bool is_whole(int file, std::uint64_t size) {
    std::array<unsigned char, kHead> head{};
    if (::pread(file, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size()))
        return false;
    const auto known = [&](bool swapped) {
        const auto magic = number_at(head, kMagicAt, swapped);
        return magic == kHashMagic || magic == kBtreeMagic;
    };
    if (!known(false) && !known(true))
        return false;
    const bool swapped = !known(false);
    const std::uint64_t page = number_at(head, kPageSizeAt, swapped);
    const std::uint64_t pages = std::uint64_t{number_at(head, kLastPageAt, swapped)} + 1;
    return page > 0 && size >= page * pages;
}

struct CloseDatabase {
    void operator()(DB* database) const { database->close(database, 0); }
};
struct CloseCursor {
    void operator()(DBC* cursor) const { cursor->close(cursor); }
};

}  // namespace

MapTable parse_text_map(std::string_view text, const MapDeclaration& map) {
    MapTable table;
    for_each_line(text, [&](std::string_view line) {
        if (line.empty() || line.front() == '#')
            return;
        const auto fields = columns(line, map.delimiter);
        if (map.key_column >= fields.size() || map.value_column >= fields.size())
            return;
        const auto key = fields[map.key_column];
        table.try_emplace(map.fold ? folded(key) : std::string(key), fields[map.value_column]);
    });
    return table;
}

MapTable parse_alias_file(std::string_view text) {
    MapTable table;
    std::string* value = nullptr;
    for_each_line(text, [&](std::string_view line) {
        if (line.empty() || line.front() == '#')
            return;
        if (line.front() == ' ' || line.front() == '\t') {
            if (value != nullptr)
                *value += trim(line);
            return;
        }
        value = nullptr;
        const auto name = alias_name(line);
        if (name.empty())
            return;
        auto key = folded(trim(name));
        std::erase(key, '"');
        // As in the database, what stands twice counts as it stands first.
        const auto [entry, is_new] = table.try_emplace(std::move(key), trim(line.substr(name.size() + 1)));
        value = is_new ? &entry->second : nullptr;
    });
    return table;
}

void parse_class_file(std::string_view text, const ClassDeclaration::File& file, std::set<std::string>& words) {
    for_each_line(text, [&](std::string_view line) {
        if (!file.first_word)
            line = line.substr(0, std::min(line.find_first_of(file.stop), line.size()));
        for (const auto word : columns(line, '\0')) {
            words.insert(folded(word));
            if (file.first_word)
                return;
        }
    });
}

base::Result<MapTable> read_database(const std::string& path, std::string_view wanted) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file)
        return base::errno_error(path);
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0)
        return base::errno_error(path);
    if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) > kMaxMapSize)
        return base::error("{}: not a file, or too large", path);
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0)
        return base::error("{}: somebody is writing it", path);

    if (!is_whole(file.get(), static_cast<std::uint64_t>(facts.st_size)))
        return base::error("{}: no hash or btree of Berkeley DB, or not whole", path);

    DB* raw = nullptr;
    if (const int status = ::db_create(&raw, nullptr, 0); status != 0)
        return base::error("{}: {}", path, ::db_strerror(status));
    const std::unique_ptr<DB, CloseDatabase> database(raw);
    raw->set_errcall(raw, nullptr);
    raw->set_errfile(raw, nullptr);
    // A mapped file that somebody shortens ends the process by SIGBUS.
    if (const int status = raw->open(raw, nullptr, path.c_str(), nullptr, DB_UNKNOWN, DB_RDONLY | DB_NOMMAP, 0);
        status != 0)
        return base::error("{}: {}", path, ::db_strerror(status));
    DBC* step = nullptr;
    if (const int status = raw->cursor(raw, nullptr, &step, 0); status != 0)
        return base::error("{}: {}", path, ::db_strerror(status));
    const std::unique_ptr<DBC, CloseCursor> cursor(step);

    MapTable table;
    for (;;) {
        DBT key{};
        DBT value{};
        const int status = step->get(step, &key, &value, DB_NEXT);
        if (status == DB_NOTFOUND)
            break;
        if (status != 0)
            return base::error("{}: {}", path, ::db_strerror(status));
        if (table.size() == kMaxMapEntries)
            return base::error("{}: more than {} entries", path, kMaxMapEntries);
        table.try_emplace(std::string(without_nul(key)), without_nul(value));
    }
    if (!wanted.empty() && !table.contains(std::string(wanted)))
        return base::error("{}: half made: it has no entry \"{}\"", path, wanted);
    return table;
}

}  // namespace directory
