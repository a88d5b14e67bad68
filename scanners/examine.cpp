// The first reading of a mail: its items, names, texts and defects. The others: other_readings.hpp.
#include "scanners/examine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/tnef.hpp"
#include "mail/mime/tree.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/words.hpp"
#include "mail/mime/yenc.hpp"
#include "mail/text.hpp"
#include "scanners/attachment/open.hpp"
#include "scanners/charset.hpp"
#include "scanners/file_names.hpp"
#include "scanners/header_facts.hpp"
#include "scanners/other_readings.hpp"
#include "scanners/transfer.hpp"

namespace scanners {
namespace {

using mail::mime::bit;
using mail::mime::Defect;
using mail::mime::Encoding;
using mail::mime::Entity;
using mail::mime::Tree;
using policy::ContentLimit;
using policy::Item;
using policy::Mark;

// Decoded header text, in octets of the mail: more than any mailer writes; what is decoded costs more than what is
// read.
constexpr std::size_t kMaxHeaderText = 256U << 10;
constexpr std::size_t kMaxFieldText = 64U << 10;
constexpr std::size_t kMaxTextFiles = 16;

bool is_text(std::string_view type) {
    return type.starts_with("text/") || type.empty();
}

bool is_signed(std::string_view type) {
    return type == "multipart/signed" || type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime";
}

// An encoded word may bring a line end along, which would end the field for whoever looks for it.
std::string one_line(std::string value) {
    std::replace_if(
        value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return value;
}

// RFC 2183 section 2.8: what nobody knows is an attachment.
bool is_attachment(const Item& item, const Entity& one) {
    return !item.names.empty() || (!one.disposition.word.empty() && one.disposition.word != "inline");
}

// A leaf that all readers take for a file, in multiparts that say nothing more about it.
bool is_plain_file(const Tree& tree, std::size_t entity) {
    constexpr std::array<std::string_view, 4> kKinds = {"application/", "image/", "audio/", "video/"};
    const auto& type = tree.entities[entity].type.word;
    if (entity == 0 ||
        std::none_of(kKinds.begin(), kKinds.end(), [&](const auto kind) { return type.starts_with(kind); }))
        return false;
    do {
        entity = tree.entities[entity].parent;
        const auto& above = tree.entities[entity].type.word;
        if (above != "multipart/mixed" && above != "multipart/related")
            return false;
    } while (entity != 0);
    return true;
}

class Examination {
  public:
    Examination(Opening& opening, std::string_view mail)
        : opening_(opening),
          mail_(mail),
          readings_(opening, mail.size(),
                    [this](std::size_t item, std::string_view octets) { look_inside(item, octets); }) {}

    void run() {
        Item item;
        item.kind = Item::Kind::kMessage;
        item.size = mail_.size();
        const auto root = opening_.add(std::move(item));
        if (!root)
            return;
        readings_.known(mail_);
        message(mail_, *root, true);
    }

    // What lies in an archive or document: `octets` are kept by the opening.
    void in_file(std::size_t item, std::string_view octets) {
        if (mail::mime::is_tnef(octets))
            return tnef_content(item, octets);
        if (opening_.item(item).true_type != "message/rfc822")
            return files_in_text(item, octets);
        // (A layer below was asked for already.)
        if (++mails_in_files_ <= opening_.limits().entities)
            message(octets, item, false);
        else
            opening_.exceeded(ContentLimit::kEntities, item, mails_in_files_);
    }

  private:
    // A message: the mail itself, or one that stood in it behind an encoding (`clear`: libclamav sees it, too).
    void message(std::string_view text, std::size_t item, bool clear) {
        const auto tree = mail::mime::parse(text, tree_limits(opening_.limits()));
        note_limits(tree, item);
        opening_.contents().defects |= tree.defects;
        read_header(text, tree.entities.front(), item);
        if (item == 0)
            see_fields(opening_, text, tree.entities.front().header);
        std::vector<std::size_t> items(tree.entities.size(), item);
        for (std::size_t i = 0; i < tree.entities.size(); ++i) {
            if (!entity(text, tree, i, items, clear))
                break;
        }
        readings_.look(text, item, tree);
    }

    void note_limits(const Tree& tree, std::size_t item) {
        const auto& limits = opening_.limits();
        if (tree.too_many_entities)
            opening_.exceeded(ContentLimit::kEntities, item, limits.entities + 1U);
        if (tree.too_many_fields)
            opening_.exceeded(ContentLimit::kHeaderFields, item, limits.header_fields + 1U);
        if (tree.too_many_parameters)
            opening_.exceeded(ContentLimit::kHeaderParameters, item, limits.header_parameters + 1U);
        if (tree.too_deep)
            opening_.exceeded(ContentLimit::kLayers, item, limits.layers + 1U);
    }

    // Subject and From of the mail itself; the texts of its header.
    void read_header(std::string_view text, const Entity& root, std::size_t item) {
        std::string all;
        std::string subject;
        for (const auto& field : root.header.fields) {
            const auto name = field.name.of(text);
            const bool is_subject = mail::equal_ignoring_case(name, "Subject");
            const bool is_from = mail::equal_ignoring_case(name, "From");
            if (!opening_.want_text() && !is_subject && !is_from)
                continue;
            std::uint64_t defects = 0;
            const auto raw = mail::mime::unfold(field.value.of(text).substr(0, kMaxFieldText));
            const auto value = mail::mime::decode_words(mail::trim(raw), to_utf8, defects);
            opening_.contents().defects |= defects;
            if (is_subject && subject.empty())
                subject = value;
            auto& from = opening_.contents().from;
            if (item == 0 && is_from && from.empty())
                from = base::clean_utf8(value, policy::kMaxName);
            if (opening_.want_text() && field.range.end - root.header.range.begin <= kMaxHeaderText)
                all.append(name).append(": ").append(one_line(value)).append("\n");
        }
        if (item == 0)
            opening_.contents().subject = base::clean_utf8(subject, policy::kMaxName);
        if (!opening_.want_text())
            return;
        opening_.add_text({item, Place::kHeader, opening_.keep(std::move(all))});
        opening_.add_text({item, Place::kSubject, opening_.keep(std::move(subject))});
    }

    // `items`: of the entities so far; this one's is set. False: no more may be looked at.
    bool entity(std::string_view text, const Tree& tree, std::size_t index, std::vector<std::size_t>& items,
                bool clear) {
        const auto& one = tree.entities[index];
        const bool in_message = index != 0 && one.delimiter.empty();  // the item is the message around it
        const auto parent = items[one.parent];
        if (in_message) {
            items[index] = parent;
            read_header(text, one, parent);
        } else if (index != 0 && !add_item(text, tree, index, parent, clear, items[index])) {
            return false;
        }
        if (is_signed(one.type.word))
            opening_.item(items[index]).set(Mark::kSigned);  // of a mail's own type there is no other item
        if (!one.leaf)
            return true;
        // A mail without parts has its body as its only one.
        if ((index == 0 || in_message) && !add_item(text, tree, index, items[index], clear, items[index]))
            return false;
        return opening_.in_time(items[index]) && leaf(text, tree, index, items[index], clear);
    }

    // `made` is set to its index.
    bool add_item(std::string_view text, const Tree& tree, std::size_t entity, std::size_t parent, bool clear,
                  std::size_t& made) {
        const auto& one = tree.entities[entity];
        Item item;
        item.entity = static_cast<std::uint16_t>(clear ? entity + 1 : 0);
        item.kind = mail::mime::is_message_type(one.type.word) ? Item::Kind::kMessage : Item::Kind::kEntity;
        item.parent = static_cast<std::uint16_t>(parent);
        const auto& above = opening_.item(parent);
        item.layer =
            static_cast<std::uint16_t>(above.layer + (above.kind == Item::Kind::kMessage && parent != 0 ? 1 : 0));
        item.size = one.body.size();
        item.names = file_names(text, one);
        item.declared_type = base::clean_utf8(one.type.word, policy::kMaxName);
        auto charset = mail::mime::parameter(one.type, "charset", nullptr);
        std::transform(charset.begin(), charset.end(), charset.begin(), mail::lower);
        item.charset = base::clean_utf8(charset, policy::kMaxName);
        if (is_attachment(item, one))
            item.set(Mark::kAttachment);
        if (is_signed(one.type.word))
            item.set(Mark::kSigned);
        const auto added = opening_.add(std::move(item));
        if (added)
            made = *added;
        return added.has_value();
    }

    bool leaf(std::string_view text, const Tree& tree, std::size_t index, std::size_t item, bool clear) {
        const auto& one = tree.entities[index];
        const auto body = one.body.of(text);
        std::uint64_t defects = 0;
        const bool plain = one.encoding == Encoding::kIdentity || one.encoding == Encoding::kUnknown;
        std::string_view octets = body;
        if (!plain) {
            auto decoded = decode_body(body, one.encoding, defects);
            if (!opening_.expand(item, decoded.size(), body.size()))
                return false;
            octets = opening_.keep(std::move(decoded));
        }
        opening_.contents().defects |= defects;
        opening_.item(item).size = octets.size();
        if (plain && octets.find('\0') != std::string_view::npos) {
            opening_.contents().defects |= bit(Defect::kNul);
            if (!add_kept(item, with_local_line_ends(octets)))
                return false;
        }
        clear = clear && is_clear(tree, index) && !is_ambiguous(defects);
        if (clear)
            readings_.known(octets);
        if (clear && one.encoding == Encoding::kBase64 && text.data() == mail_.data() && is_plain_file(tree, index))
            opening_.add_file({body, octets});
        else if (!plain || index != 0)
            readings_.add(item, octets);
        if (is_ambiguous(defects))
            decode_otherwise(body, one.encoding, defects,
                             [&](std::string other) { return add_kept(item, std::move(other)); });
        if (!plain && (mail::mime::is_message_type(one.type.word) || one.is_multipart()))
            inner_message(item, octets);
        content(item, octets, one);
        return true;
    }

    bool add_kept(std::size_t item, std::string octets) {
        if (!opening_.expand(item, octets.size(), octets.size()))
            return false;
        readings_.add(item, opening_.keep(std::move(octets)));
        return opening_.in_time(item);
    }

    // Behind an encoding (RFC 2046 section 5.2.1 forbids it). libclamav may not look there.
    void inner_message(std::size_t item, std::string_view octets) {
        if (opening_.may_go_below(item) && ++messages_ <= opening_.limits().layers)
            message(octets, item, false);
    }

    void content(std::size_t item, std::string_view octets, const Entity& one) {
        if (is_text(one.type.word))
            text_content(item, octets, one);
        if (mail::mime::is_tnef(octets))
            tnef_content(item, octets);
        else
            look_inside(item, octets);
    }

    void text_content(std::size_t item, std::string_view octets, const Entity& one) {
        const auto charset = opening_.item(item).charset;
        const bool wide = !charset.empty() && is_wide_charset(charset);
        if (!charset.empty() && !is_known_charset(charset))
            opening_.contents().defects |= bit(Defect::kCharsetUnknown);
        std::string_view readable;
        if (wide || opening_.want_text()) {
            auto converted = to_utf8(octets, charset);
            if (!opening_.expand(item, converted.size(), octets.size()))
                return;
            readable = opening_.keep(std::move(converted));
        }
        // libclamav reads such a text as octets: a script in UTF-7 is none for it.
        if (wide) {
            opening_.contents().defects |= bit(Defect::kCharsetWide);
            readings_.add(item, readable);
        }
        if (opening_.want_text()) {
            const bool attached = is_attachment(opening_.item(item), one);
            opening_.add_text({item, attached ? Place::kAttachment : Place::kBody, readable});
        }
        files_in_text(item, octets);
    }

    void files_in_text(std::size_t item, std::string_view octets) {
        auto& defects = opening_.contents().defects;
        for (auto& file : mail::mime::find_uuencoded(octets, kMaxTextFiles, defects)) {
            embedded(item, file.name, std::move(file.octets), true);
            if (!file.other.empty())
                embedded(item, file.name, std::move(file.other), true);
        }
        for (auto& file : mail::mime::find_yencoded(octets, kMaxTextFiles, defects))
            embedded(item, file.name, std::move(file.octets), true);
        for (auto& file : mail::mime::find_binhex(octets, kMaxTextFiles, defects))
            embedded(item, file.name, std::move(file.octets), true);
    }

    void tnef_content(std::size_t item, std::string_view octets) {
        auto& defects = opening_.contents().defects;
        for (auto& file : mail::mime::read_tnef(octets, opening_.limits().files, defects))
            embedded(item, file.name, std::string(file.octets), false);
    }

    void embedded(std::size_t parent, std::string_view name, std::string octets, bool extra) {
        Item item;
        item.kind = Item::Kind::kEmbedded;
        item.parent = static_cast<std::uint16_t>(parent);
        item.layer = static_cast<std::uint16_t>(opening_.item(parent).layer + 1);
        item.size = octets.size();
        std::uint64_t unused = 0;
        auto decoded = mail::mime::decode_words(name.substr(0, policy::kMaxName * 4), to_utf8, unused);
        if (decoded = base::clean_utf8(decoded, policy::kMaxName); !decoded.empty())
            item.names.push_back(std::move(decoded));
        item.set(Mark::kAttachment);
        if (!opening_.may_go_below(parent) || !opening_.expand(parent, octets.size(), opening_.item(parent).size))
            return;
        const auto index = opening_.add(std::move(item));
        if (!index)
            return;
        const auto kept = opening_.keep(std::move(octets));
        if (extra)
            readings_.add(*index, kept);
        look_inside(*index, kept);
    }

    // Archives and documents.
    void look_inside(std::size_t item, std::string_view octets) { attachment::open(opening_, item, octets); }

    Opening& opening_;
    std::string_view mail_;
    OtherReadings readings_;
    std::uint32_t messages_ = 0;
    std::uint32_t mails_in_files_ = 0;
};

}  // namespace

mail::mime::TreeLimits tree_limits(const policy::ContentLimits& limits) {
    return {limits.entities, limits.header_fields, limits.header_parameters,
            static_cast<std::size_t>(limits.layers) + 16};
}

void examine(Opening& opening, std::string_view mail) {
    Examination examination(opening, mail);
    opening.set_mail_reader(
        [&examination](std::size_t item, std::string_view octets) { examination.in_file(item, octets); });
    examination.run();
    opening.set_mail_reader(nullptr);
}

}  // namespace scanners
