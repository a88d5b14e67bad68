#include "config/policy_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "config/expression_section.hpp"
#include "config/ini_file.hpp"
#include "config/load.hpp"
#include "config/policy_deeds.hpp"
#include "config/policy_words.hpp"
#include "config/setting_question.hpp"
#include "config/spelling.hpp"
#include "config/text_sections.hpp"

namespace config {

namespace {

constexpr std::string_view kPolicySections[] = {"domains", "group",  "time",       "expression",
                                                "stamp",   "notice", "conditions", "rule"};

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// "rule executables" is a kind and a name.
std::pair<std::string, std::string> kind_and_name(std::string_view section) {
    const auto blank = section.find_first_of(" \t");
    if (blank == std::string_view::npos)
        return {lower(section), {}};
    return {lower(section.substr(0, blank)), lower(without_blanks(section.substr(blank)))};
}

// A rule that asks for viruses decides over them (policy::concerns).
bool asks_for_virus(const policy::Condition& condition) {
    using Kind = policy::Condition::Kind;
    const auto found = static_cast<std::uint32_t>(policy::Outcome::kFound);
    if (condition.negated)
        return false;
    if (condition.kind == Kind::kSet)
        return std::ranges::any_of(condition.children, asks_for_virus);
    return condition.kind == Kind::kVirus ||
           (condition.kind == Kind::kScanner && std::ranges::find(condition.numbers, found) != condition.numbers.end());
}

class PolicyParser {
  public:
    explicit PolicyParser(const PolicyFiles& files) : files_(files) {}

    LoadedPolicy parse() {
        for (const auto& file : files_.files) {
            if (file.list)
                lists_[file.name] = &file;
            else
                read(file);
        }
        // What rules refer to comes first, wherever it stands; sets of conditions may name only those before them, so
        // that none holds itself.
        for (const auto kind : kPolicySections)
            for (const auto& section : sections_)
                if (section.kind == kind)
                    take(section);
        std::ranges::stable_sort(policy_.rules, {}, &policy::Rule::priority);
        for (const auto& rule : policy_.rules) {
            policy::add_wanted(policy_.wanted, rule.what);
            policy_.asks_settings = policy_.asks_settings || !rule.settings.empty();
        }
        if (policy_.wanted.fields.size() > policy::kMaxWantedFields)
            errors_.push_back(fmt::format("{}: error: the rules ask for more than {} different header fields",
                                          files_.files.front().name, policy::kMaxWantedFields));
        policy_.expression_set = policy::expression_set(policy_.expressions, policy_.wanted);
        check_directions();
        LoadedPolicy loaded{nullptr, std::move(errors_), std::move(warnings_)};
        if (loaded.errors.empty())
            loaded.policy = std::make_shared<const policy::Policy>(std::move(policy_));
        return loaded;
    }

  private:
    struct Section {
        const PolicyFiles::File* file;
        std::string kind;
        std::string name;
        unsigned line;
        std::vector<IniEntry> entries;
    };

    // ---- sections

    void read(const PolicyFiles::File& file) {
        std::vector<Diagnostic> diagnostics;
        auto sections = read_ini(file.text, diagnostics);
        for (const auto& diagnostic : diagnostics)
            say(file, diagnostic.severity, diagnostic.line, diagnostic.text);
        for (auto& section : sections) {
            auto [kind, name] = kind_and_name(section.name);
            if (std::ranges::find(kPolicySections, std::string_view(kind)) == std::end(kPolicySections)) {
                const auto close = near_miss(kind, kPolicySections);
                error(file, section.line, "unknown section [{}]{}", section.name,
                      close.empty() ? "" : fmt::format("; did you mean [{}]?", close));
            } else if (kind == "domains" && !name.empty()) {
                error(file, section.line, "[domains] has no name");
            } else if (kind != "domains" && name.empty()) {
                error(file, section.line, "[{0}] needs a name, as [{0} NAME]", kind);
            } else if (const auto [first, is_new] = places_.try_emplace(kind + " " + name, place(file, section.line));
                       !is_new) {
                error(file, section.line, "[{}] stands twice, the first time at {}", section.name, first->second);
            } else {
                sections_.push_back({&file, kind, name, section.line, std::move(section.entries)});
            }
        }
    }

    void take(const Section& section) {
        if (section.kind == "domains")
            take_addresses(section, policy_.local_domains, "local");
        else if (section.kind == "group")
            take_group(section);
        else if (section.kind == "time")
            take_time(section);
        else if (section.kind == "expression")
            take_expression(section);
        else if (section.kind == "stamp")
            stamps_[section.name] = take_texts<StampSection, policy::Stamp>(section);
        else if (section.kind == "notice")
            notices_[section.name] = take_texts<NoticeSection, policy::Notice>(section);
        else if (section.kind == "conditions")
            take_conditions(section);
        else
            take_rule(section);
    }

    // ---- lists of addresses

    void take_addresses(const Section& section, policy::AddressSet& set, std::string_view key) {
        for (const auto& entry : section.entries) {
            if (same(entry.key, key))
                add_words(section, entry, set);
            else if (same(entry.key, "file"))
                add_file(section, entry, set);
            else
                unknown_key(section, entry, {key, "file"});
        }
    }

    void add_words(const Section& section, const IniEntry& entry, policy::AddressSet& set) {
        const auto words = split_words(entry.value);
        if (!words)
            return error(section, entry, "{}", words.error().message);
        for (const auto& word : *words)
            add_address(*section.file, entry.line, word, set);
    }

    void add_file(const Section& section, const IniEntry& entry, policy::AddressSet& set) {
        const auto list = lists_.find(entry.value);
        if (list == lists_.end())
            return error(section, entry, "the list {} was not read", entry.value);
        unsigned number = 0;
        for (std::string_view rest = list->second->text; !rest.empty();) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto line = without_blanks(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            ++number;
            if (!line.empty() && line.front() != '#')
                add_address(*list->second, number, line, set);
        }
    }

    void add_address(const PolicyFiles::File& file, unsigned line, std::string_view text, policy::AddressSet& set) {
        const bool good = text.size() <= 320 &&
                          std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }) &&
                          (text == "<>" || text.find_first_of("<>,;()") == std::string_view::npos);
        if (!good)
            return error(file, line, "\"{}\" is no address, domain or pattern with *", text.substr(0, 80));
        set.add(text);
    }

    void take_group(const Section& section) {
        auto set = std::make_shared<policy::AddressSet>();
        take_addresses(section, *set, "member");
        if (set->size() == 0)
            warn(section, "nobody is in [group {}]", section.name);
        groups_[section.name] = std::move(set);
    }

    // ---- times, conditions

    void take_time(const Section& section) {
        auto& spans = times_[section.name];
        for (const auto& entry : section.entries) {
            if (!same(entry.key, "span")) {
                unknown_key(section, entry, {"span"});
                continue;
            }
            const auto span = parse_span(entry.value);
            if (!span)
                error(section, entry, "{}", span.error().message);
            else
                spans.push_back(*span);
        }
        if (section.entries.empty())
            error(*section.file, section.line, "[time {}] has no span", section.name);
    }

    [[nodiscard]] FindList find_list() const {
        return [this](const std::string& path) -> const std::string* {
            const auto list = lists_.find(path);
            return list == lists_.end() ? nullptr : &list->second->text;
        };
    }

    void take_expression(const Section& section) {
        if (policy_.expressions.size() == policy::kMaxExpressions)
            return error(*section.file, section.line, "more than {} expressions", policy::kMaxExpressions);
        ExpressionSection expression(section.name, section.file->name, section.line, find_list());
        for (const auto& entry : section.entries)
            if (auto taken = expression.take(entry); !taken)
                error(section, entry, "{}", taken.error().message);
        auto finished = expression.finish();
        if (!finished)
            return error(*section.file, section.line, "{}", finished.error().message);
        expressions_[section.name] = static_cast<std::uint32_t>(policy_.expressions.size());
        policy_.expressions.push_back(std::move(*finished));
    }

    // Never null: with an error in the section there is no policy, and a rule that names it is not wrong as well.
    template <typename Reader, typename Texts>
    std::shared_ptr<const Texts> take_texts(const Section& section) {
        Reader reader(section.name, find_list());
        bool good = true;
        for (const auto& entry : section.entries)
            if (auto taken = reader.take(entry); !taken) {
                error(section, entry, "{}", taken.error().message);
                good = false;
            }
        auto finished = reader.finish();
        if (good && !finished)
            error(*section.file, section.line, "{}", finished.error().message);
        return finished ? std::make_shared<const Texts>(std::move(*finished)) : std::make_shared<const Texts>();
    }

    [[nodiscard]] KnownTexts known_texts() const {
        return {[this](std::string_view name) -> std::shared_ptr<const policy::Stamp> {
                    const auto found = stamps_.find(lower(name));
                    return found == stamps_.end() ? nullptr : found->second;
                },
                [this](std::string_view name) -> std::shared_ptr<const policy::Notice> {
                    const auto found = notices_.find(lower(name));
                    return found == notices_.end() ? nullptr : found->second;
                }};
    }

    [[nodiscard]] Known known() const {
        return {[this](std::string_view name) -> const policy::Condition* {
                    const auto found = sets_.find(lower(name));
                    return found == sets_.end() ? nullptr : &found->second;
                },
                [this](std::string_view name) -> std::optional<std::uint32_t> {
                    const auto found = expressions_.find(lower(name));
                    return found == expressions_.end() ? std::nullopt : std::optional(found->second);
                }};
    }

    static std::size_t depth(const policy::Condition& condition) {
        std::size_t below = 0;
        for (const auto& child : condition.children)
            below = std::max(below, depth(child));
        return below + 1;
    }

    // True: the entry was about the set of conditions.
    bool take_what(const Section& section, const IniEntry& entry, policy::Condition& set) {
        if (same(entry.key, "match")) {
            if (!same(entry.value, "any") && !same(entry.value, "all"))
                error(section, entry, "match is any or all");
            set.any = same(entry.value, "any");
            return true;
        }
        if (!same(entry.key, "if"))
            return false;
        if (set.children.size() == kMaxConditions) {
            error(section, entry, "more than {} conditions", kMaxConditions);
            return true;
        }
        auto condition = parse_condition(entry.value, known());
        if (!condition)
            error(section, entry, "{}", condition.error().message);
        else if (depth(*condition) > kMaxConditionDepth)
            error(section, entry, "sets of conditions lie more than {} deep in each other", kMaxConditionDepth);
        else
            set.children.push_back(std::move(*condition));
        return true;
    }

    void take_conditions(const Section& section) {
        policy::Condition set;
        for (const auto& entry : section.entries)
            if (!take_what(section, entry, set))
                unknown_key(section, entry, {"match", "if"});
        if (set.children.empty())
            return error(*section.file, section.line, "[conditions {}] asks nothing", section.name);
        sets_[section.name] = std::move(set);
    }

    // ---- rules

    void take_rule(const Section& section) {
        if (policy_.rules.size() == kMaxRules)
            return error(*section.file, section.line, "more than {} rules", kMaxRules);
        policy::Rule rule;
        rule.name = section.name;
        rule.origin = place(*section.file, section.line);
        rule.priority = 1000;
        bool enabled = true;
        for (const auto& entry : section.entries)
            take_entry(section, entry, rule, enabled);
        if (rule.what.children.empty())
            rule.what.any = false;
        if (std::ranges::none_of(section.entries, [](const IniEntry& entry) { return same(entry.key, "do"); }))
            error(*section.file, section.line, "[rule {}] does nothing: a line do= is missing", section.name);
        if (!enabled)
            return;
        warn_of(section, rule);
        policy_.rules.push_back(std::move(rule));
    }

    static bool changes_a_delivery(const policy::Step& step) {
        return step.kind != policy::Step::Kind::kArchive && step.kind != policy::Step::Kind::kNotify;
    }

    // What is written so, and not meant so.
    void warn_of(const Section& section, const policy::Rule& rule) {
        const bool cleans = std::ranges::any_of(
            rule.steps, [](const policy::Step& step) { return step.kind == policy::Step::Kind::kClean; });
        if (cleans && !asks_for_virus(rule.what))
            warn(section, "[rule {}] cleans, and asks for no virus (if = virus): viruses have the settings' action",
                 section.name);
        if (!rule.final_action || rule.final_action->action == policy::Action::kDeliver)
            return;
        const auto action = policy::to_string(rule.final_action->action);
        if (rule.final_action->action == policy::Action::kReject && warned_of_reject_.insert(section.file).second)
            warn(section,
                 "[rule {}] refuses mail, so that the inbound server sends a bounce to an address that may be "
                 "forged; quarantine does not",
                 section.name);
        // What is delayed is delivered, later.
        const auto step = std::ranges::find_if(rule.steps, changes_a_delivery);
        if (step != rule.steps.end() && !rule.final_action->hours)
            warn(section, "[rule {}] changes with {} what is delivered, and then does not deliver it: {}", section.name,
                 deed_word(step->kind), action);
    }

    void take_entry(const Section& section, const IniEntry& entry, policy::Rule& rule, bool& enabled) {
        if (take_what(section, entry, rule.what))
            return;
        const auto key = lower(entry.key);
        if (key == "enabled")
            take_yes_no(section, entry, enabled);
        else if (key == "priority")
            take_priority(section, entry, rule.priority);
        else if (key == "direction")
            take_direction(section, entry, rule.direction);
        else if (key == "from")
            take_who(section, entry, rule.from);
        else if (key == "to")
            take_who(section, entry, rule.to);
        else if (key == "setting")
            take_setting(section, entry, rule.settings);
        else if (key == "when")
            take_when(section, entry, rule.when);
        else if (key == "do")
            take_deed(section, entry, rule);
        else
            unknown_key(section, entry,
                        {"enabled", "priority", "direction", "from", "to", "setting", "when", "match", "if", "do"});
    }

    void take_yes_no(const Section& section, const IniEntry& entry, bool& value) {
        if (!same(entry.value, "yes") && !same(entry.value, "no"))
            error(section, entry, "{} is yes or no", entry.key);
        value = same(entry.value, "yes");
    }

    void take_priority(const Section& section, const IniEntry& entry, unsigned& priority) {
        const auto& text = entry.value;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), priority);
        if (problem != std::errc() || end != text.data() + text.size() || priority > 1000000)
            error(section, entry, "priority is a number of 0 to 1000000; the smallest comes first");
    }

    void take_direction(const Section& section, const IniEntry& entry, policy::Direction& direction) {
        if (same(entry.value, "incoming"))
            direction = policy::Direction::kIncoming;
        else if (same(entry.value, "outgoing"))
            direction = policy::Direction::kOutgoing;
        else if (!same(entry.value, "both"))
            error(section, entry, "direction is incoming, outgoing or both");
        if (direction != policy::Direction::kBoth && first_directed_.empty())
            first_directed_ = place(*section.file, entry.line);
    }

    // "*@a.test group:sales not:bob@a.test not:group:guests"
    void take_who(const Section& section, const IniEntry& entry, policy::Who& who) {
        const auto words = split_words(entry.value);
        if (!words)
            return error(section, entry, "{}", words.error().message);
        auto listed = std::make_shared<policy::AddressSet>();
        auto excepted = std::make_shared<policy::AddressSet>();
        for (std::string_view word : *words) {
            const bool negated = word.starts_with("not:");
            if (negated)
                word.remove_prefix(4);
            if (!word.starts_with("group:")) {
                add_address(*section.file, entry.line, word, negated ? *excepted : *listed);
                continue;
            }
            const auto group = groups_.find(lower(word.substr(6)));
            if (group == groups_.end())
                error(section, entry, "there is no [group {}]", word.substr(6));
            else
                (negated ? who.none_of : who.any_of).push_back(group->second);
        }
        if (listed->size() > 0)
            who.any_of.push_back(std::move(listed));
        if (excepted->size() > 0)
            who.none_of.push_back(std::move(excepted));
    }

    void take_setting(const Section& section, const IniEntry& entry, std::vector<policy::SettingQuestion>& settings) {
        auto question = parse_setting_question(entry.value);
        if (!question)
            return error(section, entry, "{}", question.error().message);
        if (settings.size() == kMaxConditions)
            return error(section, entry, "more than {} settings", kMaxConditions);
        settings.push_back(std::move(*question));
    }

    void take_when(const Section& section, const IniEntry& entry, std::vector<policy::Span>& when) {
        const auto words = split_words(entry.value);
        if (!words || words->empty())
            return error(section, entry, "when is followed by the names of [time NAME] sections");
        for (const auto& word : *words) {
            const auto time = times_.find(lower(word));
            if (time == times_.end())
                error(section, entry, "there is no [time {}]", word);
            else
                when.insert(when.end(), time->second.begin(), time->second.end());
        }
    }

    void take_deed(const Section& section, const IniEntry& entry, policy::Rule& rule) {
        auto deed = parse_deed(entry.value, known_texts());
        if (!deed)
            return error(section, entry, "{}", deed.error().message);
        if (rule.steps.size() + deed->steps.size() > kMaxSteps)
            return error(section, entry, "more than {} actions", kMaxSteps);
        rule.steps.insert(rule.steps.end(), deed->steps.begin(), deed->steps.end());
        if (!deed->final_action)
            return;
        if (!rule.final_action)
            rule.final_action = std::move(deed->final_action);
        else if (!join(*rule.final_action, *deed->final_action))
            error(section, entry, "a rule has one final action, and this is a second one");
    }

    void check_directions() {
        if (!first_directed_.empty() && policy_.local_domains.size() == 0)
            errors_.push_back(
                fmt::format("{}: error: a direction can be told only when [domains] says which domains are local",
                            first_directed_));
    }

    // ---- what is said about it

    static std::string place(const PolicyFiles::File& file, unsigned line) {
        return line == 0 ? file.name : fmt::format("{}:{}", file.name, line);
    }

    void say(const PolicyFiles::File& file, Diagnostic::Severity severity, unsigned line, const std::string& text) {
        auto& target = severity == Diagnostic::Severity::kError ? errors_ : warnings_;
        if (target.size() < kMaxDiagnostics)
            target.push_back(format(file.name, {severity, line, text}));
    }

    template <typename... Args>
    void error(const PolicyFiles::File& file, unsigned line, fmt::format_string<Args...> text, Args&&... args) {
        say(file, Diagnostic::Severity::kError, line, fmt::format(text, std::forward<Args>(args)...));
    }

    template <typename... Args>
    void error(const Section& section, const IniEntry& entry, fmt::format_string<Args...> text, Args&&... args) {
        say(*section.file, Diagnostic::Severity::kError, entry.line, fmt::format(text, std::forward<Args>(args)...));
    }

    template <typename... Args>
    void warn(const Section& section, fmt::format_string<Args...> text, Args&&... args) {
        say(*section.file, Diagnostic::Severity::kWarning, section.line,
            fmt::format(text, std::forward<Args>(args)...));
    }

    void unknown_key(const Section& section, const IniEntry& entry, std::initializer_list<std::string_view> keys) {
        const auto close = near_miss(entry.key, std::span(keys.begin(), keys.size()));
        error(section, entry, "unknown key {} in section [{}]{}", entry.key, section.kind,
              close.empty() ? "" : fmt::format("; did you mean {}?", close));
    }

    const PolicyFiles& files_;
    std::map<std::string, const PolicyFiles::File*, std::less<>> lists_;
    std::vector<Section> sections_;
    std::map<std::string, std::string> places_;  // where each section stands
    std::map<std::string, policy::AddressSetPtr, std::less<>> groups_;
    std::map<std::string, std::vector<policy::Span>, std::less<>> times_;
    std::map<std::string, std::uint32_t, std::less<>> expressions_;
    std::map<std::string, std::shared_ptr<const policy::Stamp>, std::less<>> stamps_;
    std::map<std::string, std::shared_ptr<const policy::Notice>, std::less<>> notices_;
    std::map<std::string, policy::Condition, std::less<>> sets_;
    std::set<const PolicyFiles::File*> warned_of_reject_;
    std::string first_directed_;
    policy::Policy policy_;
    std::vector<std::string> errors_;
    std::vector<std::string> warnings_;
};

}  // namespace

LoadedPolicy parse_policy(const PolicyFiles& files) {
    return PolicyParser(files).parse();
}

}  // namespace config
