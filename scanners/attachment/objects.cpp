#include "scanners/attachment/objects.hpp"

#include <algorithm>
#include <array>

#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/members.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

// Text up to a zero; `at` moves behind it. At most 1 KiB: longer ones are no names.
std::string_view text_at(std::string_view octets, std::size_t& at) {
    const auto rest = part(octets, at, 1024);
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) {
        at = octets.size();
        return {};
    }
    at += end + 1;
    return rest.substr(0, end);
}

// A string of OLE 1.0: length with its zero, then octets.
std::string_view counted_at(std::string_view octets, std::size_t& at) {
    const auto length = little32(octets, at);
    const auto text = part(octets, at + 4, length);
    at = static_cast<std::size_t>(std::min<std::uint64_t>(octets.size(), at + 4ULL + length));
    return text.substr(0, std::min(text.find('\0'), text.size()));
}

}  // namespace

bool open_embedded(Opening& opening, std::size_t item, std::string_view name, std::string_view octets) {
    std::vector<std::string> names;
    if (auto clean = file_name(name); !clean.empty())
        names.push_back(std::move(clean));
    opening.item(item).set(Mark::kEmbedded);
    const auto inside = open_inside(opening, item, policy::Item::Kind::kEmbedded, std::move(names), octets);
    if (inside && opening.item(*inside).is(Mark::kMacro))
        opening.item(item).set(Mark::kMacro);
    return inside.has_value();
}

void open_package(Opening& opening, std::size_t item, std::string_view native) {
    // Flags (2), label, file name, flags (2 + 2), the length of a path (4), the path, the length of the file (4), the
    // file.
    std::size_t at = 2;
    const auto label = text_at(native, at);
    const auto name = text_at(native, at);
    at += 4;
    const auto path_length = little32(native, at);
    const auto data = at + 4ULL + path_length;
    const auto length = little32(native, data);
    const auto file = part(native, data + 4, length);
    if (path_length > 4096 || file.size() != length || length == 0)
        open_embedded(opening, item, "", native);
    else
        open_embedded(opening, item, name.empty() ? label : name, file);
}

void open_ole1(Opening& opening, std::size_t item, std::string_view object) {
    const auto format = little32(object, 4);
    std::size_t at = 8;
    const auto program = counted_at(object, at);
    const auto topic = counted_at(object, at);
    counted_at(object, at);
    if (format == 1 || !topic.empty())  // a link: to a file or to another program
        opening.item(item).set(Mark::kExternal);
    const auto length = little32(object, at);
    const auto native = part(object, at + 4ULL, length);
    if (format != 2 || native.empty()) {
        // Readers forgive what does not fit: look for a document in all of it.
        const auto found = object.find("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
        open_embedded(opening, item, "", found != std::string_view::npos ? object.substr(found) : object);
    } else if (lower(program) == "package") {
        open_package(opening, item, native);
    } else {
        open_embedded(opening, item, "", native);
    }
}

bool is_external_field(std::string_view instruction) {
    std::string words = lower(instruction.substr(0, 1024));
    std::erase(words, '"');
    std::string_view rest = words;
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    if (rest.starts_with("dde"))
        return true;
    constexpr std::string_view kLoading[] = {"includetext", "includepicture", "import", "include", "link", "database"};
    const bool loads = std::any_of(std::begin(kLoading), std::end(kLoading),
                                   [rest](std::string_view word) { return rest.starts_with(word); });
    const auto has = [rest](std::string_view what) { return rest.find(what) != std::string_view::npos; };
    return loads && (has("http:") || has("https:") || has("ftp:") || has("file:") || has("\\\\"));
}

bool is_file_of_its_own(std::string_view octets) {
    // Those whose signature is long enough not to be there by chance.
    constexpr std::string_view kTypes[] = {"application/vnd.microsoft.portable-executable",
                                           "application/x-elf",
                                           "application/x-ms-shortcut",
                                           "application/vnd.ms-htmlhelp",
                                           "application/x-ole-storage",
                                           "application/zip",
                                           "application/vnd.rar",
                                           "application/x-7z-compressed",
                                           "application/vnd.ms-cab-compressed",
                                           "application/pdf",
                                           "text/rtf",
                                           "application/onenote",
                                           "application/x-iso9660-image",
                                           "application/gzip",
                                           "application/x-xz",
                                           "application/x-tar",
                                           "application/vnd.android.dex"};
    const auto type = signature_type(octets);
    return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

}  // namespace scanners::attachment
