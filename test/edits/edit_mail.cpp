// Edits mails as a worker would.
//
//   edit_mail one [strip=N] [stamp=TEXT] <MAIL >EDITED    the edited mail; exit status 1 and why, when it is refused
//   edit_mail all FILE...                                 each file gets stamps, each of its leaves is stripped, and
//   all
//                                                         attachments are; what is kept is compared. A line for each
//                                                         kind of result and the sums; exit status 1 when something
//                                                         differs
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

#include "mail/edit/plan.hpp"
#include "mail/mime/defect.hpp"
#include "policy/removal.hpp"
#include "scanners/edit.hpp"
#include "scanners/examine.hpp"

namespace {

const policy::ContentLimits kLimits{};

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

base::Result<scanners::EditAnswer> make(std::string_view mail, const scanners::EditRequest& request) {
    return scanners::edit(mail, request, kLimits, {});
}

int edit_one(int count, char** arguments) {
    const std::string mail(std::istreambuf_iterator<char>(std::cin), {});
    scanners::EditRequest request;
    for (int i = 0; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument.starts_with("strip="))
            request.removals.push_back({static_cast<std::uint16_t>(std::stoul(argument.substr(6))), "Removed.\n"});
        else if (argument.starts_with("stamp="))
            request.stamps.push_back({true, argument.substr(6), ""});
    }
    const auto answer = make(mail, request);
    if (!answer) {
        std::cerr << answer.error().message << '\n';
        return 1;
    }
    std::cout << mail::edit::with_edits(mail, answer->edits);
    std::cerr << "removed " << answer->removed << " stamped " << answer->stamped << '\n';
    return 0;
}

// Leaves that no edit lies in, as they stand.
std::multimap<std::string, std::string> leaves(std::string_view mail, const std::vector<mail::RangeEdit>& edits) {
    std::multimap<std::string, std::string> found;
    for (const auto& one : mail::mime::parse(mail, scanners::tree_limits(kLimits)).entities) {
        const bool touched = std::any_of(edits.begin(), edits.end(), [&one](const auto& edit) {
            return edit.begin <= one.body.end && edit.end >= one.header.range.begin;
        });
        if (one.leaf && !touched)
            found.emplace(one.header.range.of(mail), one.body.of(mail));
    }
    return found;
}

class All {
  public:
    void take(const std::string& mail) {
        ++sums_["mails"];
        stamp(mail);
        const auto tree = mail::mime::parse(mail, scanners::tree_limits(kLimits));
        for (std::size_t i = 0; i < tree.entities.size(); ++i) {
            if (tree.entities[i].leaf)
                strip(mail, {static_cast<std::uint16_t>(i + 1)}, "stripped");
        }
        strip_attachments(mail);
    }

    int report() const {
        for (const auto& [what, count] : sums_)
            std::cout << what << ": " << count << '\n';
        return sums_.contains("DIFFERENT") ? 1 : 0;
    }

  private:
    void stamp(const std::string& mail) {
        scanners::EditRequest request;
        request.stamps.push_back({false, "Vorsicht: f\xC3\xBCr alle.\n", ""});
        request.stamps.push_back({true, "A last word.\n", "<p>A last <b>word</b>.</p>"});
        const auto answer = make(mail, request);
        if (!answer) {
            ++sums_["DIFFERENT"];
            return;
        }
        ++sums_[answer->stamped > 0 ? "stamped" : "not stamped"];
        compare(mail, answer->edits);
    }

    void strip(const std::string& mail, const std::vector<std::uint16_t>& entities, const std::string& kind) {
        scanners::EditRequest request;
        for (const auto entity : entities)
            request.removals.push_back({entity, "What was here was removed.\n"});
        const auto answer = make(mail, request);
        if (!answer) {
            ++sums_["refused: " + answer.error().message];
            return;
        }
        ++sums_[kind];
        compare(mail, answer->edits);
    }

    void strip_attachments(const std::string& mail) {
        policy::Contents contents;
        scanners::Opening opening(kLimits, contents);
        scanners::examine(opening, mail);
        const auto entities = policy::attachments(contents);
        if (!entities)
            ++sums_["attachments refused: " + entities.error().message];
        else if (!entities->empty())
            strip(mail, *entities, "attachments stripped");
    }

    // All leaves that no edit lies in are among those of the edited mail.
    void compare(const std::string& mail, const std::vector<mail::RangeEdit>& edits) {
        auto kept = leaves(mail, edits);
        for (auto& [header, body] : leaves(mail::edit::with_edits(mail, edits), {})) {
            const auto [begin, end] = kept.equal_range(header);
            const auto same = std::find_if(begin, end, [&text = body](const auto& one) { return one.second == text; });
            if (same != end)
                kept.erase(same);
        }
        if (!kept.empty())
            ++sums_["DIFFERENT"];
    }

    std::map<std::string, std::size_t> sums_;
};

}  // namespace

int main(int count, char** arguments) {
    const std::string what = count > 1 ? arguments[1] : "";
    if (what == "one")
        return edit_one(count - 2, arguments + 2);
    if (what != "all")
        return 2;
    All all;
    for (int i = 2; i < count; ++i) {
        std::ifstream file(arguments[i], std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        all.take(canonical(text.str()));
    }
    return all.report();
}
