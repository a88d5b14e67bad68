// Edits of a mail's body: whatever the mail, what is answered may be made, and every part that was not to be touched
// stands there with its own octets afterwards. A stamp alone is never refused.
#include <algorithm>
#include <memory>

#include "mail/edit/plan.hpp"
#include "mail/mime/tree.hpp"
#include "mail/rope.hpp"
#include "scanners/charset.hpp"
#include "scanners/edit.hpp"
#include "scanners/examine.hpp"
#include "scanners/worker/wire_edit.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
using mail::mime::Entity;
using mail::mime::Tree;
namespace wire = scanners::wire;

const policy::ContentLimits kLimits{.entities = 30, .header_fields = 40, .header_parameters = 20, .layers = 6};

class Text : public mail::Message {
  public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("text in memory"); }

  private:
    std::string text_;
};

std::string canonical(std::string_view text) {
    std::string out;
    for (const char octet : text) {
        if (octet == '\n')
            out += '\r';
        if (octet != '\r')
            out += octet;
    }
    if (!out.ends_with("\r\n"))
        out += "\r\n";
    return out;
}

scanners::EditRequest make_request(fuzz::Source& source, std::size_t entities) {
    scanners::EditRequest request;
    const auto what = source.octet();
    const auto which = source.number(2);
    for (std::size_t i = 0; i < std::min<std::size_t>(entities, 16) && (what & 1U) != 0; ++i) {
        if ((which >> i & 1U) != 0)
            request.removals.push_back(
                {static_cast<std::uint16_t>(i + 1), (what & 2U) != 0 ? "--b\n\xC3\xA4\n" : "gone\n"});
    }
    if ((what & 4U) != 0)
        request.stamps.push_back({false, (what & 8U) != 0 ? "\xE2\x82\xAC first\n-- \n" : "first", ""});
    if ((what & 16U) != 0)
        request.stamps.push_back({true, "--b\n>last\n", (what & 32U) != 0 ? "<b>l\xC3\xA4st</b>" : ""});
    request.clean = (what & 64U) != 0 && (what & 1U) != 0;
    request.clean_note = "infected";
    return request;
}

// Parts with this in them are infected.
scanners::Judges judges() {
    const auto judge = [](std::string_view octets) {
        policy::ScanResult result{"fake", policy::Outcome::kClean, policy::Cause::kNone, "", ""};
        if (octets.find("EICAR") != std::string_view::npos)
            result = {"fake", policy::Outcome::kFound, policy::Cause::kNone, "x", ""};
        return std::vector{result};
    };
    return {judge, judge};
}

bool is_touched(const Entity& one, const std::vector<mail::RangeEdit>& edits) {
    return std::any_of(edits.begin(), edits.end(), [&one](const mail::RangeEdit& edit) {
        return edit.begin <= one.body.end && edit.end >= one.header.range.begin;
    });
}

// It went with an entity around it. (A message without a body may begin behind the line end that ends its parent.)
bool is_gone(const Tree& tree, std::size_t index, const std::vector<mail::RangeEdit>& edits) {
    for (auto above = tree.entities[index].parent; index != 0; index = above, above = tree.entities[index].parent) {
        const auto& one = tree.entities[above];
        if (std::any_of(edits.begin(), edits.end(), [&one](const mail::RangeEdit& edit) {
                return edit.begin <= one.header.range.begin && edit.end >= one.body.end && edit.begin < edit.end;
            }))
            return true;
    }
    return false;
}

// Each leaf that no edit touches is found where it has to be now.
void compare(std::string_view before, const Tree& tree, std::string_view after,
             const std::vector<mail::RangeEdit>& edits) {
    const auto edited = mail::mime::parse(after, scanners::tree_limits(kLimits));
    for (std::size_t i = 0; i < tree.entities.size(); ++i) {
        const auto& one = tree.entities[i];
        if (!one.leaf || is_touched(one, edits) || is_gone(tree, i, edits))
            continue;
        auto begin = one.header.range.begin;
        for (const auto& edit : edits) {
            if (edit.end <= one.header.range.begin)
                begin = begin - (edit.end - edit.begin) + edit.text.size();
        }
        const auto found = std::find_if(edited.entities.begin(), edited.entities.end(), [begin](const Entity& other) {
            return other.header.range.begin == begin && other.leaf;
        });
        require(found != edited.entities.end(), "a part that was not touched is still there");
        require(found->header.range.of(after) == one.header.range.of(before) &&
                    found->body.of(after) == one.body.of(before),
                "its octets are the same");
    }
}

void require_that_rope_agrees(const std::string& before, const std::string& after,
                              const std::vector<mail::RangeEdit>& edits) {
    const auto message = std::make_shared<Text>(before);
    if (mail::with_trace(message, "").flatten() == before)  // no fields of our own
        require(mail::with_trace(message, "", {}, edits).flatten() == after, "a rope makes the same of it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Source source(fuzz::as_text(data, size));
    const auto head = source.text(3);
    const auto mail = canonical(source.rest());
    const auto tree = mail::mime::parse(mail, scanners::tree_limits(kLimits));
    fuzz::Source choice(head);
    const auto request = make_request(choice, tree.entities.size());
    const auto answer = scanners::edit(mail, request, kLimits, judges());
    require(answer.has_value() || !request.removals.empty() || request.clean, "a stamp alone is no reason to refuse");
    const auto sent = wire::decode_edited(wire::encode(wire::Edited{1, answer}));
    require(sent && sent->answer.has_value() == answer.has_value(), "an answer arrives");
    if (!answer)
        return 0;
    require(sent->answer->edits == answer->edits, "edits arrive as they are");
    require(mail::check_edits(mail, answer->edits).has_value(), "what is answered may be made");
    require(answer->edits.empty() == (answer->removed == 0 && answer->stamped == 0), "what is counted was done");
    const auto after = mail::edit::with_edits(mail, answer->edits);
    require(!fuzz::has_bare_newline(after) && after.ends_with("\r\n"), "line ends are whole");
    compare(mail, tree, after, answer->edits);
    require_that_rope_agrees(mail, after, answer->edits);
    return 0;
}
