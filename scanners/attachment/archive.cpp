#include "scanners/attachment/archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <clocale>
#include <iterator>
#include <memory>
#include <vector>

#include "scanners/attachment/buffer.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/octets.hpp"
#include "scanners/attachment/rar.hpp"
#include "scanners/attachment/zip_reader.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

// More than any limit on files lets through.
constexpr std::size_t kMaxZipEntries = 20000;

using Archive = std::unique_ptr<archive, int (*)(archive*)>;
using Enable = int (*)(archive*);

struct Format {
    std::string_view type;
    Enable format;
    Enable filter;  // of a file that is compressed as a whole; its format is raw
};

constexpr Format kFormats[] = {
    {"application/zip", archive_read_support_format_zip_streamable, nullptr},
    {"application/x-7z-compressed", archive_read_support_format_7zip, nullptr},
    {"application/x-tar", archive_read_support_format_tar, nullptr},
    {"application/vnd.ms-cab-compressed", archive_read_support_format_cab, nullptr},
    {"application/x-iso9660-image", archive_read_support_format_iso9660, nullptr},
    {"application/x-lzh-compressed", archive_read_support_format_lha, nullptr},
    {"application/x-cpio", archive_read_support_format_cpio, nullptr},
    {"application/x-archive", archive_read_support_format_ar, nullptr},
    {"application/vnd.debian.binary-package", archive_read_support_format_ar, nullptr},
    {"application/vnd.rar", archive_read_support_format_rar, nullptr},
    {"application/gzip", archive_read_support_format_raw, archive_read_support_filter_gzip},
    {"application/x-bzip2", archive_read_support_format_raw, archive_read_support_filter_bzip2},
    {"application/x-xz", archive_read_support_format_raw, archive_read_support_filter_xz},
    {"application/x-lzma", archive_read_support_format_raw, archive_read_support_filter_lzma},
    {"application/x-lzip", archive_read_support_format_raw, archive_read_support_filter_lzip},
    {"application/x-lz4", archive_read_support_format_raw, archive_read_support_filter_lz4},
    {"application/zstd", archive_read_support_format_raw, archive_read_support_filter_zstd},
    {"application/x-compress", archive_read_support_format_raw, archive_read_support_filter_compress},
};

// Other programs' files that are zip files.
constexpr std::string_view kZipTypes[] = {"application/java-archive", "application/vnd.android.package-archive",
                                          "application/epub+zip", "application/vnd.openxmlformats-package"};

const Format* format_of(std::string_view type) {
    if (std::find(std::begin(kZipTypes), std::end(kZipTypes), type) != std::end(kZipTypes))
        type = "application/zip";
    const auto* found =
        std::find_if(std::begin(kFormats), std::end(kFormats), [type](const Format& f) { return f.type == type; });
    return found != std::end(kFormats) ? found : nullptr;
}

locale_t& names_locale() {
    static locale_t locale = nullptr;
    return locale;
}

// libarchive turns names into the character set of the locale. A process's locale is not ours to change.
class NamesInUtf8 {
  public:
    NamesInUtf8() : before_(names_locale() != nullptr ? ::uselocale(names_locale()) : nullptr) {}
    NamesInUtf8(const NamesInUtf8&) = delete;
    NamesInUtf8& operator=(const NamesInUtf8&) = delete;
    ~NamesInUtf8() {
        if (before_ != nullptr)
            ::uselocale(before_);
    }

  private:
    locale_t before_;
};

bool speaks_of(archive* reader, std::string_view words) {
    const char* text = ::archive_error_string(reader);
    return text != nullptr && find_nocase(text, words) != std::string_view::npos;
}

bool not_supported(archive* reader) {
    return speaks_of(reader, "unsupported") || speaks_of(reader, "not supported") || speaks_of(reader, "unavailable") ||
           speaks_of(reader, "unknown compression");
}

bool speaks_of_encryption(archive* reader) {
    return speaks_of(reader, "encrypt") || speaks_of(reader, "passphrase") || speaks_of(reader, "password");
}

// RFC 1952 section 2.3: the name of what was compressed.
std::string gzip_name(std::string_view octets) {
    const auto flags = octets.size() > 3 ? static_cast<unsigned char>(octets[3]) : 0;
    if ((flags & 8) == 0)
        return {};
    const std::uint64_t at = 10 + ((flags & 4) != 0 ? 2ULL + little16(octets, 10) : 0);
    const auto name = part(octets, at, policy::kMaxName);
    return std::string(name.substr(0, std::min(name.find('\0'), name.size())));
}

// "report.pdf.gz" holds "report.pdf", as gzip itself would name it.
std::string name_inside(const policy::Item& item) {
    if (item.names.empty())
        return {};
    const std::string& name = item.names.front();
    for (const auto& [end, instead] : {std::pair<std::string_view, std::string_view>{".tgz", ".tar"},
                                       {".tbz", ".tar"},
                                       {".tbz2", ".tar"},
                                       {".txz", ".tar"},
                                       {".svgz", ".svg"}}) {
        if (ends_with_nocase(name, end))
            return name.substr(0, name.size() - end.size()).append(instead);
    }
    const auto dot = name.rfind('.');
    return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

class Reader {
  public:
    Reader(Opening& opening, std::size_t item, const Format& format, std::string_view octets, const EachMember& each)
        : opening_(opening), item_(item), format_(format), octets_(octets), each_(each) {}

    void run() {
        if (archive_ == nullptr || !open())
            return fail();
        while (opening_.in_time(item_)) {
            archive_entry* entry = nullptr;
            const int got = ::archive_read_next_header(archive_.get(), &entry);
            if (got == ARCHIVE_EOF)
                break;
            if (got < ARCHIVE_WARN)
                return fail();
            if (!take(entry))
                break;
        }
    }

  private:
    bool open() {
        bool good = format_.format(archive_.get()) == ARCHIVE_OK;
        if (format_.type == "application/vnd.rar")
            good = ::archive_read_support_format_rar5(archive_.get()) == ARCHIVE_OK && good;
        encrypted_ = encrypted_in_rar5(octets_);
        if (format_.filter != nullptr)  // nothing, compressed, is no error
            good = ::archive_read_support_format_empty(archive_.get()) == ARCHIVE_OK && good;
        if (format_.filter != nullptr)
            good = format_.filter(archive_.get()) == ARCHIVE_OK && good;
        return good && ::archive_read_open_memory(archive_.get(), octets_.data(), octets_.size()) == ARCHIVE_OK;
    }

    // False: no more.
    bool take(archive_entry* entry) {
        const auto number = count_++;
        const auto kind = ::archive_entry_filetype(entry);
        // In a zip file a name that ends with a slash makes a directory: one that has content is none.
        const bool content = format_.type == "application/zip" && ::archive_entry_size(entry) > 0;
        if (kind != AE_IFREG && kind != 0 && !content)
            return opening_.another_file(item_);
        Member member;
        member.path = path_of(entry);
        member.declared_size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
        member.encrypted = ::archive_entry_is_data_encrypted(entry) != 0 || has_password(number);
        Buffer buffer;
        const bool on = member.encrypted || read_data(member, buffer);
        member.octets = buffer.view();
        if (member.encrypted)
            mark(Mark::kEncrypted);
        return each_(member) && on;
    }

    [[nodiscard]] bool has_password(std::size_t number) const {
        return number < encrypted_.size() && encrypted_[number];
    }

    std::string path_of(archive_entry* entry) const {
        if (format_.filter != nullptr) {
            const auto name = format_.type == "application/gzip" ? gzip_name(octets_) : std::string();
            return !name.empty() ? name : name_inside(opening_.item(item_));
        }
        const char* path = ::archive_entry_pathname(entry);
        if (path == nullptr)
            path = ::archive_entry_pathname_utf8(entry);
        return path != nullptr ? path : "";
    }

    // False: nothing further can be read.
    bool read_data(Member& member, Buffer& buffer) {
        while (opening_.in_time(item_)) {
            const void* block = nullptr;
            std::size_t length = 0;
            la_int64_t ignored = 0;  // of sparse files: their holes are no content
            const int got = ::archive_read_data_block(archive_.get(), &block, &length, &ignored);
            if (got == ARCHIVE_EOF)
                return true;
            // A warning comes with its data (a checksum that is wrong).
            if (got < ARCHIVE_WARN && got != ARCHIVE_RETRY)
                return on_data_error(member, got);
            if (block == nullptr || length == 0) {
                if (got != ARCHIVE_OK)
                    return on_data_error(member, got);
                continue;
            }
            const bool room = opening_.expand(item_, length, octets_.size());
            if (!room || !buffer.append(block, length)) {
                member.unopened = true;
                if (room)  // no memory: as over the limit as it can be
                    opening_.exceeded(policy::ContentLimit::kExpandedSize, item_, buffer.size() + length);
                return false;
            }
        }
        member.unopened = true;
        return false;
    }

    bool on_data_error(Member& member, int code) {
        if (speaks_of_encryption(archive_.get())) {
            member.encrypted = true;
        } else {
            member.unopened = true;
            member.malformed = !not_supported(archive_.get());
        }
        return code != ARCHIVE_FATAL;
    }

    void fail() {
        // (archive_read_has_encrypted_entries() may not be asked before a format was recognised.)
        if (archive_ != nullptr && speaks_of_encryption(archive_.get()))
            mark(Mark::kEncrypted);
        else if (archive_ != nullptr && !not_supported(archive_.get()))
            mark(Mark::kMalformed);
        mark(Mark::kUnopened);
    }

    void mark(Mark mark) { opening_.item(item_).set(mark); }

    Opening& opening_;
    std::size_t item_;
    const Format& format_;
    std::string_view octets_;
    const EachMember& each_;
    std::vector<bool> encrypted_;  // in RAR 5
    std::size_t count_ = 0;        // of entries
    Archive archive_{::archive_read_new(), ::archive_read_free};
};

}  // namespace

bool is_archive(std::string_view type) {
    return format_of(type) != nullptr;
}

bool is_archive_of(std::string_view type, std::string_view format) {
    const auto* found = format_of(type);
    return found != nullptr && found->type == format;
}

base::Status load_archives() {
    if (names_locale() != nullptr)
        return base::ok();
    for (const char* name : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
        if (names_locale() == nullptr)
            names_locale() = ::newlocale(LC_CTYPE_MASK, name, nullptr);
    }
    if (names_locale() == nullptr)
        return base::error("the system has no locale C.UTF-8 (package libc-bin): names in archives could not be read");
    return base::ok();
}

void read_streamed_zip(Opening& opening, std::size_t item, std::string_view octets, const EachMember& each) {
    const NamesInUtf8 names;
    Reader(opening, item, *format_of("application/zip"), octets, each).run();
}

void read_archive(Opening& opening, std::size_t item, std::string_view type, std::string_view octets,
                  const EachMember& each) {
    const auto* format = format_of(type);
    if (format == nullptr)
        return;
    if (format->type == "application/zip") {
        if (const auto zip = read_zip_directory(octets, kMaxZipEntries); zip.found)
            return read_zip(opening, item, octets, zip, each);
    }
    const NamesInUtf8 names;
    Reader(opening, item, *format, octets, each).run();
}

}  // namespace scanners::attachment
