// Finds the type, then hands the file to who can read it.
#include "scanners/attachment/open.hpp"

#include <exception>

#include "scanners/attachment/archive.hpp"
#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/magic.hpp"
#include "scanners/attachment/members.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

void look_inside(Opening& opening, std::size_t item, std::string_view octets) {
    const std::string type = opening.item(item).true_type;
    if (is_archive(type))
        open_archive(opening, item, type, octets);
    else if (is_closed_archive(type))
        opening.item(item).set(Mark::kUnopened);
    // Readers of zip files begin at the end: whatever else a file is, it may be one, too (a program that unpacks
    // itself, a picture with something behind it).
    if (const auto zip = is_archive(type) ? std::string_view() : zip_at_end(octets); !zip.empty())
        open_archive(opening, item, "application/zip", zip);
}

}  // namespace

base::Status load() {
    if (auto loaded = load_magic(); !loaded)
        return loaded;
    return load_archives();
}

void open(Opening& opening, std::size_t item, std::string_view octets) {
    try {
        opening.item(item).size = octets.size();
        opening.item(item).true_type = file_type(octets);
        if (opening.in_time(item))
            look_inside(opening, item, octets);
    } catch (const std::exception&) {  // no memory: what is inside was not looked at
        opening.item(item).set(Mark::kUnopened);
    }
}

}  // namespace scanners::attachment
