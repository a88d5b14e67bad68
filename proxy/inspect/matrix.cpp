#include "inspect/matrix.hpp"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "base/log.hpp"
#include "config/failure_matrix.hpp"
#include "policy/failure.hpp"
#include "supervisor/configuration.hpp"

namespace inspect {
namespace {

using policy::Action;
using policy::Cell;
using policy::Failure;

constexpr int kFailed = 1;
constexpr int kUsageError = 2;
constexpr std::size_t kCellWidth = 10;
constexpr std::size_t kMaxNameWidth = 26;

constexpr std::string_view kLegend =
    "hold: quarantine, mark: deliver-with-mark, -: cannot happen, .: as the scanner's own row says.\n"
    "*: a setting of its own, !: fail-open, mail passes that was not scanned.\n";

std::string_view in_short(Action action) {
    switch (action) {
        case Action::kDefer:
            return "defer";
        case Action::kQuarantine:
            return "hold";
        case Action::kDeliverWithMark:
            return "mark";
        default:
            return "ignore";
    }
}

std::string in_words(const Cell& cell) {
    return fmt::format("{}{}{}", in_short(cell.action), cell.own ? "*" : "", cell.open() ? "!" : "");
}

class Table {
  public:
    Table(const config::Settings& settings, const policy::RecipientRule* special)
        : settings_(settings), rules_(settings.rules()), rows_(config::matrix_rows(settings)), special_(special) {}

    [[nodiscard]] std::string text(bool with_recipients) const {
        std::string text = line("", [](Failure failure) { return std::string(to_string(failure)); });
        for (const auto& row : rows_)
            text += line(row.scanner, [&](Failure failure) { return of_scanner(row, failure); });
        if (with_recipients)
            for (const auto& rule : rules_.recipients)
                text += line("to " + rule.pattern, [&](Failure failure) { return of_recipients(rule, failure); });
        return text.append(kLegend);
    }

    // Limits whose action is not that of the column.
    [[nodiscard]] std::string limits() const {
        std::string text;
        for (std::size_t i = 0; i < policy::kContentLimits; ++i) {
            const auto limit = static_cast<policy::ContentLimit>(i);
            if (const auto cell = limit_cell(rules_, limit, special_); rules_.limits.at(i))
                text += fmt::format("  {}: {}\n", to_string(limit), in_words(cell));
        }
        return text.empty() ? text : "\nLimits of [content] with an action of their own:\n" + text;
    }

    // Rules that are asked for a failure, and deliver.
    [[nodiscard]] std::string open_rules(const std::optional<std::string>& recipient) const {
        std::string text;
        if (rules_.policy == nullptr)
            return text;
        for (const auto& rule : rules_.policy->rules)
            if (rule.final_action && rule.final_action->action == Action::kDeliver &&
                (!recipient || rule.to.includes(*recipient)))
                if (const auto cells = opened_by(rule); !cells.empty())
                    text += fmt::format("  {} ({}): {}\n", rule.name, rule.origin, cells);
        return text.empty() ? text : "\nRules that deliver what a scanner could not tell, where they apply:\n" + text;
    }

  private:
    template <typename Words>
    [[nodiscard]] std::string line(const std::string& name, const Words& words) const {
        const auto width = name_width();
        std::string text =
            name.size() > width ? fmt::format("{}\n{:{}}", name, "", width) : fmt::format("{:{}}", name, width);
        for (const auto failure : policy::kFailures)
            text += fmt::format(" {:{}}", words(failure), kCellWidth);
        text.resize(text.find_last_not_of(' ') + 1);
        return text + '\n';
    }

    [[nodiscard]] std::size_t name_width() const {
        std::size_t width = 0;
        for (const auto& row : rows_)
            width = std::max(width, row.scanner.size());
        for (const auto& rule : rules_.recipients)
            if (special_ == nullptr)
                width = std::max(width, rule.pattern.size() + 3);
        return std::min(width, kMaxNameWidth);
    }

    [[nodiscard]] std::string of_scanner(const config::MatrixRow& row, Failure failure) const {
        return can_happen(settings_, row, failure) ? in_words(cell(rules_, row.scanner, failure, special_)) : "-";
    }

    [[nodiscard]] std::string of_recipients(const policy::RecipientRule& rule, Failure failure) const {
        for (const auto& row : rows_) {
            const auto one = cell(rules_, row.scanner, failure, &rule);
            if (one.setting.starts_with("recipients ") && !one.fact)
                return in_words(one);
        }
        return ".";
    }

    [[nodiscard]] std::string opened_by(const policy::Rule& rule) const {
        std::string text;
        for (const auto& row : rows_) {
            std::string failures;
            for (const auto failure : policy::kFailures)
                if (can_happen(settings_, row, failure) && is_asked_for(rule, row, failure))
                    failures += fmt::format("{}{}", failures.empty() ? "" : ", ", to_string(failure));
            if (!failures.empty())
                text += fmt::format("{}{} {}", text.empty() ? "" : "; ", row.scanner, failures);
        }
        return text;
    }

    // Facts of looking inside are no failures unless they are set so.
    [[nodiscard]] bool is_asked_for(const policy::Rule& rule, const config::MatrixRow& row, Failure failure) const {
        if (cell(rules_, row.scanner, failure, special_).action == Action::kDeliver)
            return false;
        const auto asks = [&](policy::Cause cause, std::string name) {
            const bool encrypted = failure == Failure::kEncrypted;
            return concerns(rule.what, {row.scanner,
                                        encrypted ? policy::Outcome::kEncrypted : policy::Outcome::kCannotTell,
                                        encrypted ? policy::Cause::kNone : cause,
                                        std::move(name),
                                        {}});
        };
        switch (failure) {
            case Failure::kDown:
                return asks(policy::Cause::kUnavailable, "");
            case Failure::kTimeout:
                return asks(policy::Cause::kTimeout, "");
            case Failure::kError:
                return asks(policy::Cause::kError, "") || asks(policy::Cause::kCrash, "");
            case Failure::kMalformed:
                return asks(policy::Cause::kMalformed, "");
            case Failure::kStale:
                return asks(policy::Cause::kStale, "");
            case Failure::kLimit:
                for (std::size_t i = 0; i < policy::kContentLimits; ++i)
                    if (asks(policy::Cause::kLimit, std::string(to_string(static_cast<policy::ContentLimit>(i)))))
                        return true;
                return false;
            case Failure::kEncrypted:
                break;
        }
        return asks(policy::Cause::kNone, "");
    }

    const config::Settings& settings_;
    policy::Rules rules_;
    std::vector<config::MatrixRow> rows_;
    const policy::RecipientRule* special_;
};

enum Option : int { kTo = 256 };

constexpr std::array kOptions{
    option{"config", required_argument, nullptr, 'c'},
    option{"to", required_argument, nullptr, kTo},
    option{nullptr, 0, nullptr, 0},
};

struct Arguments {
    std::string configuration = "/etc/sandwich/sandwich.ini";
    std::optional<std::string> recipient;
};

std::optional<Arguments> read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int found = 0; (found = ::getopt_long(argc, argv, "c:", kOptions.data(), nullptr)) != -1;) {
        if (found == 'c')
            arguments.configuration = optarg;
        else if (found == kTo)
            arguments.recipient = optarg;
        else
            return std::nullopt;
    }
    return optind == argc ? std::optional(std::move(arguments)) : std::nullopt;
}

}  // namespace

std::string describe_matrix(const config::Settings& settings, const std::optional<std::string>& recipient) {
    const auto rules = settings.rules();
    const auto* const special = recipient ? rule_for(rules, *recipient) : nullptr;
    if (!rules.need_a_look())
        return "Nothing is scanned: all mail is delivered.\n";
    std::string text;
    if (special != nullptr)
        text = fmt::format("For {}, by [recipients {}]:\n\n", base::log::escape(*recipient), special->pattern);
    const Table table(settings, special);
    return text + table.text(!recipient) + table.limits() + table.open_rules(recipient);
}

int matrix(int argc, char** argv) {
    const auto arguments = read_arguments(argc, argv);
    if (!arguments) {
        fmt::print(stderr, "Usage: sandwichctl matrix [-c FILE] [--to ADDRESS]\n");
        return kUsageError;
    }
    const auto loaded =
        supervisor::load_configuration(arguments->configuration, {.log_to_stderr = true, .tls_files = false});
    for (const auto& error : loaded.errors)
        fmt::print(stderr, "{}\n", error);
    if (!loaded.configuration)
        return kFailed;
    fmt::print("{}", describe_matrix(loaded.configuration->settings, arguments->recipient));
    return 0;
}

}  // namespace inspect
