#include "config/failure_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "config/settings_table.hpp"

namespace config {
namespace {

using policy::Cell;
using policy::Failure;

// Where a setting stands that policy/failure.hpp names: "scanner.clamd main timeout_action".
Place place_of(const Settings& settings, std::string_view name) {
    const auto blank = name.rfind(' ');
    const auto written = name.substr(0, blank);
    const auto key = name.substr(blank + 1);
    std::string_view section = written;
    std::size_t place = 0;
    for (std::size_t i = 0; i < settings.other_scanners.size(); ++i)
        if (written == "scanner." + settings.other_scanners[i].id()) {
            section = section_of(settings.other_scanners[i].kind);
            place = i;
        }
    for (std::size_t i = 0; i < settings.recipients.size(); ++i)
        if (written == "recipients " + settings.recipients[i].pattern) {
            section = kRecipientsSection;
            place = i;
        }
    const auto* const setting = find_setting(section, key);
    return setting == nullptr ? Place{"", "", 0} : Place{setting->section, setting->key, place};
}

// What the cells do that one setting opens.
struct Opened {
    policy::Action action = policy::Action::kDeliver;
    std::string cells;  // "clamav down, timeout; clamd main timeout"
    std::string scanner;
};

class Openings {
  public:
    void note(const Cell& cell, std::string_view scanner, std::string_view what) {
        if (!cell.open())
            return;
        auto [found, is_new] = by_setting_.try_emplace(cell.setting);
        auto& opened = found->second;
        if (is_new)
            order_.push_back(found);
        opened.action = cell.action;
        const bool same_scanner = opened.scanner == scanner;
        opened.cells += is_new ? "" : same_scanner ? ", " : "; ";
        opened.cells += same_scanner ? std::string(what) : fmt::format("{} {}", scanner, what);
        opened.scanner = scanner;
    }

    void report(const Settings& settings, const Report& report) const {
        for (const auto& found : order_) {
            const auto& [name, opened] = *found;
            const auto blank = name.rfind(' ');
            report(Diagnostic::Severity::kWarning, {place_of(settings, name)},
                   fmt::format("[{}] {}={} is fail-open: mail passes that was not scanned ({})", name.substr(0, blank),
                               name.substr(blank + 1),
                               opened.action == policy::Action::kDeliver ? "ignore" : policy::to_string(opened.action),
                               opened.cells));
        }
    }

  private:
    using BySetting = std::map<std::string, Opened, std::less<>>;
    BySetting by_setting_;
    std::vector<BySetting::const_iterator> order_;
};

// All cells of the scanners; of a recipients rule only those that are its own.
void note_cells(const Settings& settings, const policy::Rules& rules, const policy::RecipientRule* special,
                Openings& openings) {
    const auto note = [&](const Cell& cell, std::string_view scanner, std::string_view what) {
        if (special == nullptr || cell.setting.starts_with("recipients "))
            openings.note(cell, scanner, what);
    };
    for (const auto& row : matrix_rows(settings))
        for (const auto failure : policy::kFailures)
            if (can_happen(settings, row, failure))
                note(cell(rules, row.scanner, failure, special), row.scanner, to_string(failure));
    if (special != nullptr)
        return;
    for (std::size_t i = 0; i < policy::kContentLimits; ++i) {
        const auto limit = static_cast<policy::ContentLimit>(i);
        if (rules.limits.at(i))
            note(limit_cell(rules, limit, nullptr), policy::kContentsScanner,
                 fmt::format("limit {}", to_string(limit)));
    }
}

}  // namespace

std::vector<MatrixRow> matrix_rows(const Settings& settings) {
    std::vector<MatrixRow> rows;
    if (settings.clamav.enable)
        rows.push_back({"clamav", "scanner.clamav"});
    for (const auto& scanner : settings.other_scanners)
        if (scanner.enable)
            rows.push_back({scanner.id(), section_of(scanner.kind)});
    // The policy's files may not have been read yet.
    if (settings.clamav.enable || settings.policy != nullptr || !settings.policy_file.empty() ||
        !settings.policy_directory.empty())
        rows.push_back({std::string(policy::kContentsScanner), "content"});
    return rows;
}

bool can_happen(const Settings& settings, const MatrixRow& row, Failure failure) {
    if (find_setting(row.section, key_of(failure)) == nullptr)
        return false;
    if (failure != Failure::kStale)
        return true;
    if (row.section == "scanner.clamav")
        return settings.clamav.max_signature_age.count() != 0;
    return std::ranges::any_of(settings.other_scanners, [&row](const OtherScanner& scanner) {
        return scanner.id() == row.scanner &&
               (scanner.kind == ScannerKind::kCheck || scanner.max_signature_age.count() != 0);
    });
}

void check_open_cells(const Settings& settings, const Report& report) {
    const auto rules = settings.rules();
    Openings openings;
    note_cells(settings, rules, nullptr, openings);
    for (const auto& special : rules.recipients)
        note_cells(settings, rules, &special, openings);
    openings.report(settings, report);
}

}  // namespace config
