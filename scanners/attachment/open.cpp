// Finds the type, then hands the file to who can read it.
#include "scanners/attachment/open.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>

#include "scanners/attachment/archive.hpp"
#include "scanners/attachment/compound_document.hpp"
#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/magic.hpp"
#include "scanners/attachment/members.hpp"
#include "scanners/attachment/office_zip.hpp"
#include "scanners/attachment/onenote.hpp"
#include "scanners/attachment/pdf.hpp"
#include "scanners/attachment/pdf_cipher.hpp"
#include "scanners/attachment/rtf.hpp"
#include "scanners/attachment/text.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

bool is_zip(std::string_view type) {
    return is_archive_of(type, "application/zip") || is_office_zip(type);
}

// Their last member may be a zip file that lies there as it is.
bool stores_files(std::string_view type) {
    constexpr std::string_view kTypes[] = {"application/x-tar", "application/x-cpio", "application/x-archive",
                                           "application/x-iso9660-image", "application/vnd.debian.binary-package"};
    return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

// What the MIME side reads by itself when it stands in a mail, and has to be asked for when it lies in an archive.
bool is_mail_inside(const policy::Item& item) {
    const bool inside = item.kind == policy::Item::Kind::kMember || item.kind == policy::Item::Kind::kEmbedded;
    return inside && (item.true_type == "message/rfc822" || item.true_type == "application/vnd.ms-tnef" ||
                      item.true_type == "application/mac-binhex40");
}

void read_mail(Opening& opening, std::size_t item, std::string_view octets) {
    if (opening.mail_reader() == nullptr)
        opening.item(item).set(Mark::kUnopened);
    else if (opening.may_go_below(item))
        opening.mail_reader()(item, opening.keep(std::string(octets)));
}

void look_inside(Opening& opening, std::size_t item, std::string_view octets) {
    const std::string type = opening.item(item).true_type;
    if (is_archive(type))
        open_archive(opening, item, type, octets);
    else if (is_office_zip(type))
        open_office_zip(opening, item, octets);
    else if (type == "application/x-ole-storage")
        open_compound(opening, item, octets);
    else if (type == "text/rtf")
        open_rtf(opening, item, octets);
    else if (type == "application/onenote")
        open_onenote(opening, item, octets);
    else if (type == "application/vnd.ms-excel")
        open_excel_records(opening, item, octets);
    else if (type == "application/pkcs7-mime" || type == "application/pgp-encrypted")
        look_at_sealed(opening, item, octets);
    else if (type.starts_with("text/") || type == "application/x-sylk" || is_shown_by_browsers(opening.item(item)))
        look_at_text(opening, item, octets);
    if (is_closed_archive(type))
        opening.item(item).set(Mark::kUnopened);
    if (is_mail_inside(opening.item(item)))
        read_mail(opening, item, octets);
    if (is_pdf(octets) && (!(is_zip(type) || is_archive(type)) || opening.item(item).is(Mark::kMalformed)))
        open_pdf(opening, item, octets);
    // Readers of zip files begin at the end: whatever else a file is, it may be one, too (a program that unpacks
    // itself, a picture with something behind it).
    // (Compound files have zip files with pictures and themes inside; one that was put behind ends with the file.)
    if (const auto zip = is_zip(type) || stores_files(type) ? std::string_view() : zip_at_end(octets);
        !zip.empty() && (type != "application/x-ole-storage" || zip.end() == octets.end()))
        open_archive(opening, item, "application/zip", zip);
}

}  // namespace

base::Status load() {
    if (auto loaded = load_magic(); !loaded)
        return loaded;
    PdfCipher::warm_up();
    return load_archives();
}

void open(Opening& opening, std::size_t item, std::string_view octets) {
    try {
        opening.item(item).size = octets.size();
        opening.item(item).true_type = file_type(octets, opening.wanted().every_type);
        if (opening.in_time(item))
            look_inside(opening, item, octets);
    } catch (const std::exception&) {  // no memory: what is inside was not looked at
        opening.item(item).set(Mark::kUnopened);
    }
}

}  // namespace scanners::attachment
