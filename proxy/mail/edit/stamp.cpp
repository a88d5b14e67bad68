#include "mail/edit/stamp.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "mail/edit/encode.hpp"
#include "mail/edit/html_place.hpp"
#include "mail/edit/insertion.hpp"
#include "mail/edit/shown_text.hpp"
#include "mail/edit/stamp_text.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/yenc.hpp"
#include "mail/text.hpp"

namespace mail::edit {
namespace {

using mime::bit;
using mime::Defect;
using mime::Encoding;
using mime::Entity;
using mime::Tree;

constexpr std::size_t kMaxLine = 998;               // RFC 5322 section 2.1.1
constexpr std::size_t kMaxEncodedAnew = 64 * 1024;  // octets of a part that is written in another encoding
constexpr std::size_t kMaxFiles = 16;               // in a text: as many as are scanned
constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

constexpr std::uint64_t kDamaged = bit(Defect::kBase64Octets) | bit(Defect::kBase64Padding) |
                                   bit(Defect::kBase64Length) | bit(Defect::kBase64Gap) | bit(Defect::kQuotedPrintable);

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char octet) { return static_cast<unsigned char>(octet) < 0x80; });
}

// A line that the stamp begins anew may be the first of a file that nobody saw and scanned before, and a file without
// an end may go on into the stamp. True: neither, as far as one can tell.
bool has_same_files(std::string_view before, std::string_view after) {
    std::uint64_t unused = 0;
    for (const auto find : {mime::find_uuencoded, mime::find_yencoded, mime::find_binhex}) {
        const auto old = find(before, kMaxFiles, unused);
        const auto now = find(after, kMaxFiles, unused);
        const auto same = [](const mime::EncodedFile& left, const mime::EncodedFile& right) {
            return left.name == right.name && left.octets == right.octets && left.other == right.other;
        };
        if (old.size() >= kMaxFiles || !std::equal(old.begin(), old.end(), now.begin(), now.end(), same))
            return false;
    }
    return true;
}

// One text part that is to be stamped.
class Part {
  public:
    Part(std::string_view text, const Tree& tree, std::size_t index, FromUtf8 from_utf8)
        : text_(text), tree_(tree), index_(index), one_(tree.entities[index]), from_utf8_(from_utf8) {
        content_ = decoded(body(), one_.encoding, defects_);
        charset_ = mime::plain_parameter(one_.type, "charset");
        std::transform(charset_.begin(), charset_.end(), charset_.begin(), lower);
        if (charset_.empty() || charset_ == "ascii")
            charset_ = "us-ascii";
    }

    [[nodiscard]] bool is_sealed() const { return has_inline_openpgp(content_); }

    // False: to be left alone.
    bool plan(const StampTexts& stamps, std::size_t room, Plan& plan) {
        const bool known = one_.encoding == Encoding::kIdentity || one_.encoding == Encoding::kBase64 ||
                           one_.encoding == Encoding::kQuotedPrintable;
        if (!known || (defects_ & kDamaged) != 0)
            return false;
        const bool html = one_.type.word == "text/html";
        if (!(html ? place_html(stamps) : place_plain(stamps)))
            return false;
        auto stamped = with_insertions(content_, insertions_);
        if (!has_same_files(content_, stamped))
            return false;
        auto edits = encode(stamped);
        std::size_t octets = 0;
        for (const auto& edit : edits)
            octets += edit.text.size();
        if (edits.empty() || octets > room)
            return false;
        std::move(edits.begin(), edits.end(), std::back_inserter(plan.edits));
        plan.stamped.push_back({index_, std::move(stamped)});
        return true;
    }

  private:
    [[nodiscard]] std::string_view body() const { return one_.body.of(text_); }

    // Base64 often holds the lines of a Unix text.
    [[nodiscard]] std::string_view line_end() const {
        const bool local = one_.encoding == Encoding::kBase64 && content_.find('\n') != std::string::npos &&
                           content_.find("\r\n") == std::string::npos;
        return local ? "\n" : "\r\n";
    }

    [[nodiscard]] bool carries_octets() const {
        if (one_.encoding != Encoding::kIdentity)
            return true;
        const auto* field = mime::find_field(one_.header, text_, "Content-Transfer-Encoding");
        const auto word = field == nullptr ? std::string_view() : trim(field->value.of(text_));
        return equal_ignoring_case(word, "8bit") || equal_ignoring_case(word, "binary") || !is_ascii(content_);
    }

    // Nothing: the character set is not built on ASCII.
    std::optional<std::string> convert(std::string_view utf8, std::string_view charset, Missing missing) const {
        auto octets = from_utf8_(utf8, charset, missing);
        if (octets)
            *octets = with_line_ends(*octets, line_end());
        return octets;
    }

    // A mark of the order of octets stays in front.
    [[nodiscard]] std::size_t begin() const { return content_.starts_with(kUtf8Mark) ? kUtf8Mark.size() : 0; }

    void insert(std::size_t at, std::string octets) {
        if (one_.encoding == Encoding::kBase64 && at < content_.size())
            pad_to_groups(octets, line_end());
        insertions_.push_back({at, std::move(octets)});
    }

    bool place_html(const StampTexts& stamps) {
        const auto places = find_html_places(content_);
        // References say everything in ASCII, so nothing else in the part has to change.
        const std::string_view charset = carries_octets() ? std::string_view(charset_) : "us-ascii";
        const std::string_view ending = line_end();
        if (!from_utf8_("", charset_, Missing::kQuestionMark))
            return false;
        const auto put = [&](std::optional<std::size_t> at, const std::string& fragment) {
            if (fragment.empty() || !at)
                return;
            if (auto octets = convert(fragment, charset, Missing::kNumericReference))
                insert(std::max(*at, begin()), std::string(ending) + *octets + std::string(ending));
        };
        put(places.start, wrap(stamps.html_start));
        put(places.end, wrap(stamps.html_end));
        return !insertions_.empty();
    }

    bool place_plain(const StampTexts& stamps) {
        const bool flowed = equal_ignoring_case(mime::plain_parameter(one_.type, "format"), "flowed");
        const auto start = plain_lines(stamps.plain_start, flowed);
        const auto end = plain_lines(stamps.plain_end, flowed);
        std::string charset = charset_;
        if (charset_ == "us-ascii" && is_ascii(content_) && !(is_ascii(start) && is_ascii(end)))
            charset = declared_ = "utf-8";
        const std::string ending(line_end());
        const auto put = [&](std::size_t at, const std::string& lines, bool in_front) {
            if (lines.empty())
                return true;
            auto octets = convert(lines, charset, Missing::kQuestionMark);
            if (!octets)
                return false;
            if (in_front)
                insert(at, *octets + ending);
            else
                insert(at, separator(ending) + *octets);
            return true;
        };
        return put(begin(), start, true) && put(content_.size(), end, false) && !insertions_.empty();
    }

    // An empty line between the text and what follows: a line of format=flowed that goes on ends there, too.
    [[nodiscard]] std::string separator(const std::string& ending) const {
        if (content_.empty())
            return {};
        const std::string_view content = content_;
        if (!content.ends_with('\n'))
            return ending + ending;
        return content.ends_with(ending + ending) || content == ending ? "" : ending;
    }

    // The part's edits, in the mail; empty: they would not be what was meant.
    std::vector<RangeEdit> encode(const std::string& wanted) {
        const bool octets = std::any_of(insertions_.begin(), insertions_.end(),
                                        [](const Insertion& one) { return !is_ascii(one.octets); });
        std::vector<RangeEdit> edits;
        if (!octets || carries_octets())
            edits = in_place(wanted);
        if (edits.empty())
            edits = anew(wanted);
        if (edits.empty())
            return {};
        auto header = header_edits();
        std::move(edits.begin(), edits.end(), std::back_inserter(header));
        return header;
    }

    std::vector<RangeEdit> in_place(const std::string& wanted) const {
        auto edits = insert_encoded(body(), one_.encoding, content_, insertions_);
        for (std::size_t i = 1; i < edits.size(); ++i) {
            if (edits[i].begin < edits[i - 1].end)
                return {};
        }
        std::uint64_t defects = 0;
        if (edits.empty() || decoded(with_edits(body(), edits), one_.encoding, defects) != wanted ||
            (defects & kDamaged) != 0 || !may_stand(edits))
            return {};
        for (auto& edit : edits) {
            edit.begin += one_.body.begin;
            edit.end += one_.body.begin;
        }
        if (edits.back().end == text_.size() && !edits.back().text.ends_with("\r\n"))
            edits.back().text += "\r\n";  // (only behind base64)
        return edits;
    }

    // Neither a line that is too long, nor one that a multipart around would take for its delimiter.
    [[nodiscard]] bool may_stand(const std::vector<RangeEdit>& edits) const {
        if (one_.encoding != Encoding::kIdentity)
            return true;
        for (const auto& edit : edits) {
            for (std::size_t at = 0; at < edit.text.size();) {
                const auto end = std::min(edit.text.find("\r\n", at), edit.text.size());
                const auto line = std::string_view(edit.text).substr(at, end - at);
                if (line.size() > kMaxLine || is_delimiter(line))
                    return false;
                at = end + 2;
            }
        }
        return true;
    }

    [[nodiscard]] bool is_delimiter(std::string_view line) const {
        return line.starts_with("--") &&
               std::any_of(tree_.entities.begin(), tree_.entities.end(), [line](const Entity& one) {
                   return !one.boundary.empty() && line.substr(2).starts_with(one.boundary);
               });
    }

    // The whole part, base64 as that and all else as quoted-printable.
    std::vector<RangeEdit> anew(const std::string& wanted) {
        if (wanted.size() > kMaxEncodedAnew)
            return {};
        const bool base64 = one_.encoding == Encoding::kBase64;
        auto body_text = base64 ? encode_base64(wanted) : encode_quoted_printable(wanted);
        std::uint64_t defects = 0;
        if (body_text.size() > kMaxEncodedAnew ||
            decoded(body_text, base64 ? Encoding::kBase64 : Encoding::kQuotedPrintable, defects) != wanted)
            return {};
        quoted_ = one_.encoding == Encoding::kIdentity;
        if (one_.body.end == text_.size() && !body_text.ends_with("\r\n")) {
            if (!base64)
                return {};  // it would end with a line end that it did not have
            body_text += "\r\n";
        }
        std::vector<RangeEdit> edits;
        edits.push_back({one_.body.begin, one_.body.end, std::move(body_text)});
        return edits;
    }

    // ---- what the header has to say of it

    std::vector<RangeEdit> header_edits() const {
        std::vector<RangeEdit> edits;
        std::string added;
        const auto put = [&](std::string_view name, std::string field) {
            if (const auto* old = mime::find_field(one_.header, text_, name))
                edits.push_back({old->range.begin, old->range.end, std::move(field)});
            else
                added += field;
        };
        if (!declared_.empty())
            put("Content-Type", type_field());
        if (quoted_)
            put("Content-Transfer-Encoding", "Content-Transfer-Encoding: quoted-printable\r\n");
        const bool changed = !edits.empty() || !added.empty();
        if (changed && one_.delimiter.empty() && mime::find_field(one_.header, text_, "MIME-Version") == nullptr)
            added += "MIME-Version: 1.0\r\n";
        if (!added.empty())
            edits.push_back({one_.header.range.end, one_.header.range.end, std::move(added)});
        std::stable_sort(edits.begin(), edits.end(),
                         [](const RangeEdit& left, const RangeEdit& right) { return left.begin < right.begin; });
        return edits;
    }

    [[nodiscard]] std::string type_field() const {
        std::string field = "Content-Type: " + one_.type.word + "; charset=" + declared_;
        for (const auto& one : one_.type.parameters) {
            if (one.name == "charset" || one.name.empty())
                continue;
            field += ";\r\n " + one.name;
            if (one.section != mime::kNoSection)
                field += "*" + std::to_string(one.section);
            if (one.extended)
                field += "*";
            field += '=' + parameter_value(one.value);
        }
        return field + "\r\n";
    }

    std::string_view text_;
    const Tree& tree_;
    std::size_t index_;
    const Entity& one_;
    FromUtf8 from_utf8_;
    std::string content_;
    std::string charset_;
    std::uint64_t defects_ = 0;
    std::vector<Insertion> insertions_;
    std::string declared_;  // a new character set; empty: the old one
    bool quoted_ = false;   // was 7bit
};

bool is_left_alone(const Tree& tree) {
    return mime::is_malformed(tree.defects) || tree.too_many_entities || tree.too_many_fields ||
           tree.too_many_parameters || tree.too_deep;
}

}  // namespace

void plan_stamps(std::string_view text, const Tree& tree, const StampTexts& stamps, FromUtf8 from_utf8,
                 std::size_t room, Plan& plan) {
    const auto shown = find_shown_text(text, tree);
    if (is_left_alone(tree) || shown.sealed)
        return;
    std::vector<Part> parts;
    for (const auto entity : shown.entities) {
        const auto& one = tree.entities[entity];
        // (A header without an end has no body either.)
        if (!is_within(tree, entity, plan.removed) && one.header.body != one.header.range.end)
            parts.emplace_back(text, tree, entity, from_utf8);
    }
    if (std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.is_sealed(); }))
        return;
    for (auto& part : parts) {
        const auto before = plan.edits.size();
        if (!part.plan(stamps, room, plan))
            continue;
        for (auto i = before; i < plan.edits.size(); ++i)
            room -= plan.edits[i].text.size();
    }
}

}  // namespace mail::edit
