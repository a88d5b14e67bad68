#include "scanners/edit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "mail/edit/plan.hpp"
#include "mail/edit/removal.hpp"
#include "mail/edit/stamp.hpp"
#include "scanners/charset.hpp"
#include "scanners/examine.hpp"
#include "scanners/other_readings.hpp"
#include "scanners/transfer.hpp"
#include "scanners/worker/wire_edit.hpp"

namespace scanners {
namespace {

using mail::edit::Plan;
using mail::edit::Removal;
using mail::mime::Tree;
using policy::Outcome;
using policy::ScanResult;

bool has_found(const std::vector<ScanResult>& results) {
    return std::any_of(results.begin(), results.end(),
                       [](const ScanResult& result) { return result.outcome == Outcome::kFound; });
}

// A part by itself, as a mail: the engines read it as they read mails.
std::string as_mail(std::string_view text, const mail::mime::Entity& entity) {
    std::string mail = "MIME-Version: 1.0\r\n";
    for (const auto& field : entity.header.fields)
        mail += field.range.of(text);
    return mail.append("\r\n").append(entity.body.of(text)).append("\r\n");
}

bool is_infected(std::string_view text, const mail::mime::Entity& entity, const Judges& judges) {
    std::uint64_t defects = 0;
    return has_found(judges.octets(decode_body(entity.body.of(text), entity.encoding, defects))) ||
           has_found(judges.mail(as_mail(text, entity)));
}

// Leaves that every reader sees in the same way, and in which a scanner finds something; what is elsewhere shows when
// the edited mail is looked at.
void add_infected(std::string_view text, const Tree& tree, const EditRequest& request, const Judges& judges,
                  std::vector<Removal>& removals) {
    for (std::size_t i = 0; i < tree.entities.size(); ++i) {
        const bool chosen =
            std::any_of(removals.begin(), removals.end(), [i](const Removal& removal) { return removal.entity == i; });
        const auto& one = tree.entities[i];
        if (!chosen && one.leaf && is_clear(tree, i) && is_infected(text, one, judges))
            removals.push_back({i, request.clean_note});
    }
}

base::Result<std::vector<Removal>> removals_of(const EditRequest& request) {
    std::vector<Removal> removals;
    for (const auto& removal : request.removals) {
        if (removal.entity == 0)
            return base::error("what is to be removed is no part of the mail");
        removals.push_back({removal.entity - std::size_t{1}, removal.note});
    }
    return removals;
}

mail::edit::StampTexts stamp_texts(const std::vector<EditRequest::Stamp>& stamps) {
    mail::edit::StampTexts texts;
    const auto add = [](std::string& to, std::string_view text) {
        if (!text.empty())
            to.append(to.empty() ? "" : "\n").append(text);
    };
    for (const auto& stamp : stamps) {
        const auto html =
            stamp.html.empty() && !stamp.plain.empty() ? mail::edit::html_from_plain(stamp.plain) : stamp.html;
        add(stamp.at_end ? texts.plain_end : texts.plain_start, stamp.plain);
        add(stamp.at_end ? texts.html_end : texts.html_start, html);
    }
    return texts;
}

std::size_t octets_of(const Plan& plan) {
    std::size_t octets = 0;
    for (const auto& edit : plan.edits)
        octets += edit.text.size();
    return octets;
}

// Not clean: what, in words.
std::string not_clean(const std::vector<ScanResult>& results) {
    for (const auto& result : results) {
        if (result.outcome != Outcome::kClean)
            return result.scanner + ": " +
                   (!result.name.empty()     ? result.name
                    : !result.detail.empty() ? result.detail
                                             : std::string("cannot tell"));
    }
    return {};
}

// Removals and stamps together, as they would come out; `stamps` may be none.
base::Result<Plan> plan_all(std::string_view text, const Tree& tree, const std::vector<Removal>& removals,
                            const std::vector<EditRequest::Stamp>& stamps, const mail::mime::TreeLimits& limits) {
    Plan plan;
    if (auto planned = mail::edit::plan_removals(text, tree, removals, plan); !planned)
        return planned.error();
    const auto used = octets_of(plan);
    if (used > wire::kMaxEditTexts)
        return base::error("the notes for what is removed have {} octets", used);
    if (!stamps.empty())
        mail::edit::plan_stamps(text, tree, stamp_texts(stamps), from_utf8, wire::kMaxEditTexts - used, plan);
    if (plan.edits.empty())
        return plan;
    std::stable_sort(plan.edits.begin(), plan.edits.end(),
                     [](const auto& left, const auto& right) { return left.begin < right.begin; });
    if (auto allowed = mail::check_edits(text, plan.edits); !allowed)
        return allowed.error();
    if (auto meant = mail::edit::check(text, tree, mail::edit::with_edits(text, plan.edits), plan, limits); !meant)
        return meant.error();
    return plan;
}

}  // namespace

base::Result<EditAnswer> edit(std::string_view mail, const EditRequest& request, const policy::ContentLimits& limits,
                              const Judges& judges) {
    const auto how_far = tree_limits(limits);
    const auto tree = mail::mime::parse(mail, how_far);
    auto removals = removals_of(request);
    if (!removals)
        return removals.error();
    if (request.clean) {
        const auto asked = removals->size();
        add_infected(mail, tree, request, judges, *removals);
        if (removals->size() == asked)
            return base::error("no part of the mail was found infected by itself");
    }
    auto plan = plan_all(mail, tree, *removals, request.stamps, how_far);
    // A stamp is no reason to hold a mail.
    if (!plan && !request.stamps.empty())
        plan = plan_all(mail, tree, *removals, {}, how_far);
    if (!plan)
        return plan.error();
    if (request.clean) {
        if (const auto left = not_clean(judges.mail(mail::edit::with_edits(mail, plan->edits))); !left.empty())
            return base::error("still not clean after cleaning ({})", left);
    }
    return EditAnswer{std::move(plan->edits), static_cast<std::uint32_t>(plan->removed.size()),
                      static_cast<std::uint32_t>(plan->stamped.size())};
}

}  // namespace scanners
