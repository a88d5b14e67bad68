#include "scanners/attachment/office_zip.hpp"

#include <algorithm>
#include <string>

#include "scanners/attachment/archive.hpp"
#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/xml.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

// What a document is made of, and what pictures and sounds in it are.
bool is_ordinary(std::string_view type) {
    constexpr std::string_view kTypes[] = {"",
                                           "text/xml",
                                           "text/plain",
                                           "text/css",
                                           "application/json",
                                           "application/vnd.ms-opentype",
                                           "application/vnd.ms-fontobject",
                                           "application/font-sfnt",
                                           "application/x-font-ttf"};
    if (type == "image/svg+xml")
        return false;
    return type.starts_with("image/") || type.starts_with("audio/") || type.starts_with("video/") ||
           type.starts_with("font/") || std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

bool is_readable_part(std::string_view name) {
    return name == "content.xml" || name == "xl/sharedstrings.xml" ||
           (name.starts_with("ppt/slides/slide") && name.ends_with(".xml")) ||
           (name.starts_with("word/") && name.ends_with(".xml") && name.find('/', 5) == std::string_view::npos &&
            name.find("styles") == std::string_view::npos && name.find("settings") == std::string_view::npos);
}

class OfficeZip {
  public:
    OfficeZip(Opening& opening, std::size_t item) : opening_(opening), item_(item) {}

    // False: no more.
    bool take(const Member& member) {
        if (member.unopened)
            mark(Mark::kUnopened);
        if (member.malformed)
            mark(Mark::kMalformed);
        const auto name = lower(member.path);
        by_name(name);
        if (name == "[content_types].xml")
            content_types(ascii_of(member.octets));
        else if (name.ends_with(".rels"))
            relationships(ascii_of(member.octets));
        else if (name == "meta-inf/manifest.xml")
            manifest(ascii_of(member.octets));
        else
            return part(name, member);
        return opening_.another_file(item_);
    }

  private:
    void by_name(std::string_view name) {
        const auto has = [name](std::string_view what) { return name.find(what) != std::string_view::npos; };
        if (has("vbaproject") || has("xl/macrosheets/") || name.starts_with("basic/") || name.starts_with("scripts/"))
            mark(Mark::kMacro);
        if (has("/externallinks/externallink"))
            mark(Mark::kExternal);
        if (has("/embeddings/"))
            mark(Mark::kEmbedded);
    }

    void content_types(const std::string& text) {
        each_tag(text, [this](const Tag& tag) {
            const auto type = lower(attribute(tag.attributes, "ContentType"));
            if (type.find("vbaproject") != std::string::npos || type.find("macrosheet") != std::string::npos)
                mark(Mark::kMacro);
            // "application/vnd.ms-word.document.macroEnabled.main+xml" is that of the file with ".12" (or nothing)
            // instead.
            const auto main = type.find(".main");
            const bool known = type.starts_with("application/vnd.openxmlformats-officedocument.") ||
                               type.starts_with("application/vnd.ms-");
            if (main != std::string::npos && known)
                opening_.item(item_).true_type =
                    clean_text(type.substr(0, main) + (type.find("macroenabled") != std::string::npos ? ".12" : ""));
        });
    }

    void relationships(const std::string& text) {
        each_tag(text, [this](const Tag& tag) {
            if (tag.name != "Relationship" || lower(attribute(tag.attributes, "TargetMode")) != "external")
                return;
            // A link that the reader has to click is no part of the document.
            if (!lower(attribute(tag.attributes, "Type")).ends_with("/hyperlink"))
                mark(Mark::kExternal);
        });
    }

    void manifest(const std::string& text) {
        each_tag(text, [this](const Tag& tag) {
            if (tag.name == "encryption-data" && !tag.closing)
                mark(Mark::kEncrypted);
        });
    }

    bool part(const std::string& name, const Member& member) {
        const auto type = file_type(member.octets, opening_.wanted().every_type);
        if (!is_ordinary(type) && !(type == "text/html" && name.ends_with(".xml"))) {
            return open_embedded(opening_, item_, member.path, member.octets) || opening_.another_file(item_);
        }
        if (name.ends_with(".xml"))
            xml_part(name, ascii_of(member.octets));
        return opening_.another_file(item_);
    }

    void xml_part(const std::string& name, const std::string& text) {
        std::string instruction;  // of a field, which may be spread over many runs of text
        each_tag(text, [&](const Tag& tag) {
            if (tag.name == "ddeLink" || tag.name == "dde-link" || tag.name == "dde-source" || tag.name == "oleLink")
                mark(Mark::kExternal);
            else if (tag.name == "fldSimple" && !tag.closing)
                field(attribute(tag.attributes, "instr"));
            else if (tag.name == "instrText" && !tag.closing && instruction.size() < 4096)
                instruction += resolved(tag.text);
            else if (tag.name == "fldChar") {
                field(instruction);
                instruction.clear();
            }
        });
        field(instruction);
        if (opening_.want_attachment_text() && is_readable_part(name))
            opening_.add_text({item_, Place::kAttachment, opening_.keep(xml_text(text)), true});
    }

    void field(const std::string& instruction) {
        if (is_external_field(instruction))
            mark(Mark::kExternal);
    }

    void mark(Mark mark) { opening_.item(item_).set(mark); }

    Opening& opening_;
    std::size_t item_;
};

}  // namespace

bool is_office_zip(std::string_view type) {
    return type.starts_with("application/vnd.openxmlformats-") || type.starts_with("application/vnd.oasis.") ||
           type.starts_with("application/vnd.sun.xml.");
}

void open_office_zip(Opening& opening, std::size_t item, std::string_view octets) {
    if (!opening.may_go_below(item))
        return;
    OfficeZip document(opening, item);
    read_archive(opening, item, "application/zip", octets,
                 [&document](const Member& member) { return document.take(member); });
}

}  // namespace scanners::attachment
