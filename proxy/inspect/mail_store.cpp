#include "inspect/mail_store.hpp"

#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/clock.hpp"
#include "inspect/mail_file.hpp"
#include "inspect/stored_mail.hpp"
#include "net/address.hpp"
#include "quarantine/store.hpp"

namespace inspect {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMboxLine = "From ";
constexpr std::size_t kMaxMboxLine = 500;  // octets of it that are looked at

policy::Moment moment_of(const std::tm& local) {
    return policy::Moment::at(local.tm_wday, local.tm_hour, local.tm_min);
}

policy::Moment moment_of(base::Wall::time_point time) {
    return moment_of(base::local_time(time));
}

// A mail in a file: all of it, or a part of an mbox.
struct Place {
    std::size_t path = 0;  // index
    std::uint64_t begin = 0;
    std::uint64_t end = 0;     // 0: of the file
    std::uint32_t number = 0;  // in the mbox, from 1; 0: no mbox
};

void override_envelope(mail::Envelope& envelope, const Overrides& overrides) {
    if (overrides.from)
        envelope.reverse_path = *overrides.from;
    if (overrides.to.empty())
        return;
    envelope.recipients.clear();
    for (const auto& path : overrides.to)
        envelope.recipients.push_back({path, ""});
}

std::optional<policy::ClientAddress> client_of(const std::string& found, const Overrides& overrides) {
    if (overrides.client)
        return overrides.client;
    const auto address = net::Address::parse(found);
    return address ? std::optional(address->mapped()) : std::nullopt;
}

// "From SENDER Sat Nov 28 08:30:29 2026": sender and local time.
struct MboxLine {
    std::string sender;
    std::optional<policy::Moment> moment;
};

MboxLine read_mbox_line(std::string_view text) {
    MboxLine line;
    if (!text.starts_with(kMboxLine))
        return line;
    text.remove_prefix(kMboxLine.size());
    const std::string rest(text.substr(0, std::min<std::size_t>(text.find_first_of("\r\n"), kMaxMboxLine)));
    const auto blank = std::min(rest.find(' '), rest.size());
    line.sender = rest.substr(0, blank);
    std::tm time{};
    const auto date = rest.find_first_not_of(' ', blank);
    if (date != std::string::npos && ::strptime(rest.c_str() + date, "%a %b %d %H:%M", &time) != nullptr)
        line.moment = moment_of(time);
    return line;
}

// Lists mails in files.
class Lister {
  public:
    base::Status add(const std::string& source) {
        std::error_code problem;
        const auto status = fs::status(source, problem);
        if (problem)
            return base::error("{}: {}", source, problem.message());
        if (!fs::is_directory(status))
            return add_file(source, true);
        return add_directory(source, 0);
    }

    std::vector<std::string> paths;
    std::vector<Place> places;

  private:
    base::Status add_directory(const fs::path& directory, int depth) {
        if (depth > kMaxDepth)
            return base::error("{}: more than {} directories in one another", directory.string(), kMaxDepth);
        std::error_code problem;
        std::vector<fs::directory_entry> entries;
        for (fs::directory_iterator at(directory, problem), end; !problem && at != end; at.increment(problem))
            entries.push_back(*at);
        if (problem)
            return base::error("{}: {}", directory.string(), problem.message());
        std::sort(entries.begin(), entries.end());
        const bool maildir = is_maildir(directory.parent_path());
        const auto name = directory.filename();
        if (maildir && name == "tmp")
            return base::ok();
        for (const auto& entry : entries)
            if (auto added = add_entry(entry, depth, maildir && (name == "cur" || name == "new")); !added)
                return added;
        return base::ok();
    }

    base::Status add_entry(const fs::directory_entry& entry, int depth, bool mails) {
        std::error_code problem;
        if (entry.is_symlink(problem))
            return base::ok();
        if (entry.is_directory(problem))
            return add_directory(entry.path(), depth + 1);
        const auto name = entry.path().filename().string();
        if (!entry.is_regular_file(problem) || (mails && name.starts_with('.')))
            return base::ok();
        return add_file(entry.path().string(), mails || name.ends_with(".eml"));
    }

    static bool is_maildir(const fs::path& directory) {
        std::error_code problem;
        return fs::is_directory(directory / "cur", problem) && fs::is_directory(directory / "new", problem);
    }

    // `mail`: also when it is no mbox.
    base::Status add_file(const std::string& path, bool mail) {
        std::ifstream file(path, std::ios::binary);
        std::string begin(kMboxLine.size(), '\0');
        // In a directory, what cannot be read is told when its turn comes.
        const bool mbox =
            file && file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kMboxLine;
        if (!mbox && !mail)
            return base::ok();
        paths.push_back(path);
        if (!mbox)
            return add_place({paths.size() - 1, 0, 0, 0});
        file.seekg(0);
        return add_mbox(file);
    }

    // A mail begins with a "From " line at the beginning, or after an empty line with a date: not all that writes
    // mboxes changes such lines of a mail's own text.
    base::Status add_mbox(std::istream& file) {
        constexpr std::size_t kChunk = 65536;
        std::string chunk(kChunk, '\0');
        std::string line;  // its first octets
        std::uint64_t at = 0;
        std::uint64_t line_begin = 0;
        std::uint32_t number = 0;
        bool after_empty = true;
        const auto end_line = [&]() -> base::Status {
            const bool begins =
                after_empty && line.starts_with(kMboxLine) && (number == 0 || read_mbox_line(line).moment);
            after_empty = line.empty() || line == "\r";
            line.clear();
            if (!begins)
                return base::ok();
            if (number > 0)
                places.back().end = line_begin;
            return add_place({paths.size() - 1, line_begin, 0, ++number});
        };
        while (file) {
            file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
            for (std::size_t i = 0; i < static_cast<std::size_t>(file.gcount()); ++i, ++at) {
                if (chunk[i] != '\n') {
                    if (line.size() < kMaxMboxLine)
                        line += chunk[i];
                    continue;
                }
                if (auto added = end_line(); !added)
                    return added;
                line_begin = at + 1;
            }
        }
        if (file.bad())
            return base::errno_error(paths.back());
        if (auto added = end_line(); !added)
            return added;
        if (number > 0)
            places.back().end = at;
        return base::ok();
    }

    base::Status add_place(Place place) {
        if (places.size() >= kMaxMails)
            return base::error("more than {} mails", kMaxMails);
        places.push_back(place);
        return base::ok();
    }
};

class FileStore final : public MailStore {
  public:
    FileStore(Lister listed, StoreOptions options)
        : paths_(std::move(listed.paths)), places_(std::move(listed.places)), options_(std::move(options)) {}

    [[nodiscard]] std::size_t size() const override { return places_.size(); }

    [[nodiscard]] std::string name(std::size_t mail) const override {
        const auto& place = places_[mail];
        return place.number == 0 ? paths_[place.path] : fmt::format("{}:{}", paths_[place.path], place.number);
    }

    [[nodiscard]] base::Result<StoredMail> load(std::size_t mail) const override {
        const auto& place = places_[mail];
        const auto& path = paths_[place.path];
        struct stat facts {};
        if (::stat(path.c_str(), &facts) != 0)
            return base::errno_error(path);
        const auto size = static_cast<std::uint64_t>(facts.st_size);
        const auto end = place.end == 0 ? size : place.end;
        if (end > size)
            return base::error("{}: it has changed since it was listed", name(mail));
        if (end - place.begin > options_.limit)
            return base::error("{}: more than {} octets", name(mail), options_.limit);
        auto text = read(path, place.begin, end - place.begin);
        if (!text)
            return text.error();
        const auto line = read_mbox_line(*text);
        if (place.number > 0 && !text->starts_with(kMboxLine))
            return base::error("{}: it has changed since it was listed", name(mail));
        auto loaded = understand(*text, line.sender);
        if (loaded)
            loaded->moment = line.moment ? *line.moment : moment_of(base::Wall::from_time_t(facts.st_mtim.tv_sec));
        return loaded;
    }

  private:
    static base::Result<std::string> read(const std::string& path, std::uint64_t begin, std::uint64_t size) {
        std::ifstream file(path, std::ios::binary);
        if (!file)
            return base::errno_error(path);
        std::string text(size, '\0');
        file.seekg(static_cast<std::streamoff>(begin));
        if (!file.read(text.data(), static_cast<std::streamsize>(size)))
            return base::error("{}: it has changed since it was listed, or cannot be read", path);
        return text;
    }

    [[nodiscard]] base::Result<StoredMail> understand(std::string_view text, std::string_view mbox_sender) const {
        const auto canonical = canonical_text(text);
        auto facts = read_stored(canonical, mbox_sender, options_.proxy);
        auto message = make_message(std::string_view(canonical).substr(facts.begin));
        if (!message)
            return message.error();
        StoredMail loaded;
        loaded.message = std::move(*message);
        loaded.envelope = std::move(facts.envelope);
        override_envelope(loaded.envelope, options_.overrides);
        loaded.client = client_of(facts.client, options_.overrides);
        return loaded;
    }

    std::vector<std::string> paths_;
    std::vector<Place> places_;
    StoreOptions options_;
};

class QuarantineStore final : public MailStore {
  public:
    QuarantineStore(quarantine::Store store, std::vector<quarantine::Entry> entries, StoreOptions options)
        : store_(std::move(store)), entries_(std::move(entries)), options_(std::move(options)) {}

    [[nodiscard]] std::size_t size() const override { return entries_.size(); }
    [[nodiscard]] std::string name(std::size_t mail) const override { return entries_[mail].id; }

    [[nodiscard]] base::Result<StoredMail> load(std::size_t mail) const override {
        const auto& entry = entries_[mail];
        if (entry.size > options_.limit)
            return base::error("{}: more than {} octets", entry.id, options_.limit);
        auto message = store_.message(entry.id);
        if (!message)
            return message.error();
        StoredMail loaded;
        loaded.message = std::move(*message);
        loaded.envelope = entry.envelope;
        override_envelope(loaded.envelope, options_.overrides);
        loaded.client = client_of(entry.client, options_.overrides);
        loaded.moment = moment_of(entry.time);
        return loaded;
    }

  private:
    quarantine::Store store_;
    std::vector<quarantine::Entry> entries_;
    StoreOptions options_;
};

}  // namespace

base::Result<std::unique_ptr<MailStore>> open_files(const std::vector<std::string>& sources, StoreOptions options) {
    Lister lister;
    for (const auto& source : sources)
        if (auto added = lister.add(source); !added)
            return added.error();
    return std::unique_ptr<MailStore>(std::make_unique<FileStore>(std::move(lister), std::move(options)));
}

base::Result<std::unique_ptr<MailStore>> open_quarantine(const std::string& directory,
                                                         const std::optional<std::string>& area,
                                                         const StoreOptions& options) {
    auto store = quarantine::Store::for_reading(directory);
    if (!store)
        return store.error();
    auto entries = store->list();
    if (area)
        std::erase_if(entries, [&](const quarantine::Entry& entry) { return entry.area != *area; });
    return std::unique_ptr<MailStore>(
        std::make_unique<QuarantineStore>(std::move(*store), std::move(entries), options));
}

}  // namespace inspect
