#include "scanners/attachment/members.hpp"

#include <algorithm>
#include <utility>

#include "scanners/attachment/names.hpp"
#include "scanners/attachment/open.hpp"
#include "scanners/attachment/zip_directory.hpp"

namespace scanners::attachment {
namespace {

using policy::Item;
using policy::Mark;

void add_name(std::vector<std::string>& names, std::string_view path) {
    auto name = file_name(path);
    if (!name.empty() && names.size() < policy::kMaxNames && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(std::move(name));
}

std::vector<std::string> names_of(const Member& member) {
    std::vector<std::string> names;
    add_name(names, member.path);
    add_name(names, member.other_path);
    return names;
}

std::optional<std::size_t> add_inside(Opening& opening, std::size_t parent, Item::Kind kind,
                                      std::vector<std::string> names) {
    Item item;
    item.kind = kind;
    item.parent = static_cast<std::uint16_t>(parent);
    item.layer = static_cast<std::uint16_t>(opening.item(parent).layer + 1);
    item.names = std::move(names);
    if (kind == Item::Kind::kEmbedded)
        item.set(Mark::kEmbedded);
    return opening.add(std::move(item));
}

}  // namespace

std::optional<std::size_t> open_inside(Opening& opening, std::size_t parent, Item::Kind kind,
                                       std::vector<std::string> names, std::string_view octets) {
    if (!opening.may_go_below(parent))
        return std::nullopt;
    const auto added = add_inside(opening, parent, kind, std::move(names));
    if (added)
        open(opening, *added, octets);
    return added;
}

bool open_member(Opening& opening, std::size_t parent, Item::Kind kind, std::vector<std::string> names,
                 const Member& member) {
    const auto added = add_inside(opening, parent, kind, std::move(names));
    if (!added)
        return false;
    if (member.encrypted) {
        opening.item(*added).set(Mark::kEncrypted);
        opening.item(*added).size = member.declared_size;
        return true;
    }
    open(opening, *added, member.octets);
    if (member.unopened)
        opening.item(*added).set(Mark::kUnopened);
    if (member.malformed)
        opening.item(*added).set(Mark::kMalformed);
    return true;
}

std::string_view zip_at_end(std::string_view octets) {
    const auto zip = read_zip_directory(octets, 1);
    const bool something = !zip.entries.empty() && zip.entries[0].data != 0;
    return something ? octets.substr(zip.begin, zip.end - zip.begin) : std::string_view();
}

void open_archive(Opening& opening, std::size_t item, std::string_view type, std::string_view octets) {
    if (!opening.may_go_below(item))
        return;
    read_archive(opening, item, type, octets, [&](const Member& member) {
        return open_member(opening, item, Item::Kind::kMember, names_of(member), member);
    });
}

}  // namespace scanners::attachment
