#include "inspect/replay.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "inspect/engine.hpp"
#include "inspect/judgement.hpp"
#include "inspect/mail_store.hpp"
#include "inspect/progress.hpp"
#include "net/address.hpp"
#include "policy/explain.hpp"
#include "policy/printable.hpp"
#include "supervisor/configuration.hpp"

namespace inspect {
namespace {

using policy::printable;

constexpr int kFailed = 1;
constexpr int kUsageError = 2;
constexpr std::size_t kMaxMessage = 2047U << 20U;  // octets, when the configuration has no limit
constexpr std::size_t kMaxComplaints = 100;        // mails that cannot be read and are named

enum Option : int { kPolicy = 256, kOld, kFrom, kTo, kClient, kQuarantine, kArea, kSetting };

constexpr std::array kOptions{
    option{"config", required_argument, nullptr, 'c'},       option{"policy", required_argument, nullptr, kPolicy},
    option{"old", required_argument, nullptr, kOld},         option{"from", required_argument, nullptr, kFrom},
    option{"to", required_argument, nullptr, kTo},           option{"client", required_argument, nullptr, kClient},
    option{"quarantine", no_argument, nullptr, kQuarantine}, option{"area", required_argument, nullptr, kArea},
    option{"setting", required_argument, nullptr, kSetting}, option{nullptr, 0, nullptr, 0},
};

constexpr std::string_view kUsage =
    "Usage: sandwichctl replay [-c FILE] --policy FILE [--old FILE] [--from ADDRESS] [--to ADDRESS]... [--client IP]\n"
    "                          [--setting NAME=VALUE]...\n"
    "                          {--quarantine [--area NAME] | MBOX, MAILDIR, DIRECTORY or MESSAGE ...}\n";

struct Arguments {
    std::string configuration = "/etc/sandwich/sandwich.ini";
    std::optional<std::string> policy;
    std::optional<std::string> old_policy;
    Overrides overrides;
    policy::SettingValues settings;  // of every recipient
    bool quarantine = false;
    std::optional<std::string> area;
    std::vector<std::string> sources;
};

int complain(std::string_view why) {
    fmt::print(stderr, "sandwichctl: {}\n", printable(why));
    return kFailed;
}

// False: there is no such option, or its value is none.
bool take(Arguments& arguments, int found, const char* value) {
    switch (found) {
        case 'c':
            arguments.configuration = value;
            return true;
        case kPolicy:
            arguments.policy = value;
            return true;
        case kOld:
            arguments.old_policy = value;
            return true;
        case kFrom:
            arguments.overrides.from = std::string_view(value) == "<>" ? "" : value;
            return true;
        case kTo:
            arguments.overrides.to.emplace_back(value);
            return true;
        case kClient:
            if (const auto address = net::Address::parse(value)) {
                arguments.overrides.client = address->mapped();
                return true;
            }
            return false;
        case kQuarantine:
            arguments.quarantine = true;
            return true;
        case kArea:
            arguments.area = value;
            return true;
        case kSetting:
            if (const auto taken = take_setting(arguments.settings, value); !taken) {
                complain(taken.error().message);
                return false;
            }
            return true;
        default:
            return false;
    }
}

std::optional<Arguments> read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int found = 0; (found = ::getopt_long(argc, argv, "c:", kOptions.data(), nullptr)) != -1;)
        if (!take(arguments, found, optarg))
            return std::nullopt;
    arguments.sources.assign(argv + optind, argv + argc);
    const bool sound = arguments.policy && arguments.quarantine == arguments.sources.empty() &&
                       (arguments.quarantine || !arguments.area);
    return sound ? std::optional(std::move(arguments)) : std::nullopt;
}

std::optional<supervisor::Configuration> load(const std::string& file, const std::optional<std::string>& policy,
                                              bool warn) {
    auto loaded = supervisor::load_configuration(file, {.log_to_stderr = true, .tls_files = false, .policy = policy});
    for (const auto& text : loaded.errors)
        fmt::print(stderr, "{}\n", printable(text));
    if (warn)
        for (const auto& text : loaded.warnings)
            fmt::print(stderr, "{}\n", printable(text));
    return std::move(loaded.configuration);
}

using Judgements = std::vector<Judgement>;

// Compares what two policies say of the mails of a store.
class Replay {
  public:
    Replay(const MailStore& mails, const supervisor::Configuration& old_configuration,
           const supervisor::Configuration& new_configuration, const policy::SettingValues& settings)
        : mails_(mails),
          old_(old_configuration),
          new_(new_configuration),
          old_rules_(old_.settings.rules()),
          new_rules_(new_.settings.rules()),
          settings_(settings) {}

    int run() {
        const auto set_of = [](const policy::Rules& rules) { return rules.policy ? rules.policy->expression_set : 0; };
        const auto old_set = set_of(old_rules_);
        const auto new_set = set_of(new_rules_);
        const bool once = old_set == new_set || old_set == 0 || new_set == 0;
        // Scanners look for the expressions of one policy. Two that look for different ones would hold the signatures
        // twice, so they come one after the other.
        const auto done = once ? scan_once(new_set != 0 ? new_ : old_) : scan_twice();
        if (!done)
            return complain("scanner: " + done.error().message);
        print_summary();
        return unreadable_ == 0 ? 0 : kFailed;
    }

  private:
    // A mail with its index and what the scanners say of it.
    using Use = std::function<void(std::size_t, const StoredMail&, const policy::ScanReport&)>;

    base::Status scan_once(const supervisor::Configuration& configuration) {
        return scan(configuration, "mails",
                    [this](std::size_t index, const StoredMail& mail, const policy::ScanReport& report) {
                        compare(index, mail.envelope, judge_by(old_rules_, mail, report),
                                judge_by(new_rules_, mail, report));
                    });
    }

    base::Status scan_twice() {
        std::vector<std::optional<Judgements>> before(mails_.size());
        auto done = scan(old_, "mails, under the policy in force",
                         [&](std::size_t index, const StoredMail& mail, const policy::ScanReport& report) {
                             before[index] = judge_by(old_rules_, mail, report);
                         });
        if (!done)
            return done;
        complaining_ = false;
        unreadable_ = 0;
        return scan(new_, "mails, under the new policy",
                    [&](std::size_t index, const StoredMail& mail, const policy::ScanReport& report) {
                        auto after = judge_by(new_rules_, mail, report);
                        // Read at one time and not at the other, or with other recipients: it has changed in between.
                        if (!before[index] || before[index]->size() != after.size())
                            ++unreadable_;
                        else
                            compare(index, mail.envelope, *before[index], after);
                        before[index].reset();
                    });
    }

    // Calls `use` for each mail that can be read, in order.
    base::Status scan(const supervisor::Configuration& configuration, const char* what, const Use& use) {
        const auto engine = Engine::start(configuration);
        if (!engine)
            return engine.error();
        const auto& settings = configuration.settings;
        const auto workers = settings.worker_count > 0 ? settings.worker_count : std::thread::hardware_concurrency();
        const auto window = std::clamp<std::size_t>(2UL * workers, 1, std::max(1U, settings.scan_queue));
        struct Waiting {
            std::size_t index;
            StoredMail mail;
            std::future<policy::ScanReport> report;
        };
        std::deque<Waiting> waiting;
        Progress progress(what, mails_.size());
        progress_ = &progress;
        const auto take_first = [&] {
            auto first = std::move(waiting.front());
            waiting.pop_front();
            const auto report = first.report.get();
            use(first.index, first.mail, report);
            progress.show(first.index + 1);
        };
        for (std::size_t i = 0; i < mails_.size(); ++i) {
            auto mail = mails_.load(i);
            if (!mail) {
                cannot_read(mail.error().message);
                continue;
            }
            auto message = mail->message;
            waiting.push_back({i, std::move(*mail), (*engine)->begin(std::move(message))});
            if (waiting.size() >= window)
                take_first();
        }
        while (!waiting.empty())
            take_first();
        progress_ = nullptr;
        return base::ok();
    }

    void cannot_read(const std::string& why) {
        ++unreadable_;
        if (!complaining_ || unreadable_ > kMaxComplaints)
            return;
        progress_->clear();
        complain(why);
    }

    Judgements judge_by(const policy::Rules& rules, const StoredMail& mail, const policy::ScanReport& report) const {
        const auto seen = report_for(rules, report);
        policy::Facts facts{seen, mail.envelope};
        facts.size = mail.message->size();
        facts.client = mail.client;
        facts.moment = mail.moment;
        const auto settings = settings_of_all(settings_, mail.envelope);
        facts.settings = settings;
        return judge(facts, rules);
    }

    void compare(std::size_t index, const mail::Envelope& envelope, const Judgements& before, const Judgements& after) {
        // Recipients of whom the same is to be told, in the order of the envelope.
        std::vector<std::pair<std::string, std::string>> told;  // what, recipients
        for (std::size_t i = 0; i < after.size(); ++i) {
            if (same_is_done(before[i].decision, after[i].decision))
                continue;
            ++changes_[fmt::format("{} -> {}", policy::to_string(before[i].decision.action),
                                   policy::to_string(after[i].decision.action))];
            const auto text = describe(before[i], after[i]);
            const auto recipient = printable(fmt::format("<{}>", envelope.recipients[i].path));
            const auto same =
                std::find_if(told.begin(), told.end(), [&](const auto& one) { return one.first == text; });
            if (same == told.end())
                told.emplace_back(text, recipient);
            else
                same->second += ", " + recipient;
        }
        ++compared_;
        if (told.empty())
            return;
        ++changed_;
        progress_->clear();
        fmt::print("{}: from <{}>\n", printable(mails_.name(index)), printable(envelope.reverse_path));
        for (const auto& [text, recipients] : told)
            fmt::print("  to {}:\n{}", recipients, text);
    }

    static std::string describe(const Judgement& before, const Judgement& after) {
        std::string text;
        for (const auto& [word, one] : {std::pair{"was", &before}, std::pair{"now", &after}}) {
            text += fmt::format("    {}: {}\n", word, printable(policy::describe_decision(one->decision)));
            if (!one->reason.empty())
                text += fmt::format("         {}\n", one->reason);
        }
        return text;
    }

    void print_summary() const {
        std::string kinds;
        for (const auto& [kind, count] : changes_)
            kinds += fmt::format("{}{} {}", kinds.empty() ? "; recipients: " : ", ", count, kind);
        fmt::print("{} mails, {} would change{}{}\n", compared_, changed_, kinds,
                   unreadable_ > 0 ? fmt::format("; {} could not be read", unreadable_) : "");
    }

    const MailStore& mails_;
    const supervisor::Configuration& old_;
    const supervisor::Configuration& new_;
    policy::Rules old_rules_;
    policy::Rules new_rules_;
    const policy::SettingValues& settings_;  // of every recipient
    Progress* progress_ = nullptr;
    bool complaining_ = true;
    std::size_t compared_ = 0;
    std::size_t changed_ = 0;
    std::size_t unreadable_ = 0;
    std::map<std::string, std::size_t> changes_;  // recipients
};

}  // namespace

int replay(int argc, char** argv) {
    const auto arguments = read_arguments(argc, argv);
    if (!arguments) {
        fmt::print(stderr, "{}", kUsage);
        return kUsageError;
    }
    base::log::open(base::log::Target::kStderr, "sandwichctl", base::log::Level::kWarning);
    const auto in_force = load(arguments->configuration, arguments->old_policy, true);
    const auto candidate = load(arguments->configuration, arguments->policy, !in_force);
    if (!in_force || !candidate)
        return kFailed;
    const auto& settings = in_force->settings;
    const StoreOptions options{arguments->overrides,
                               settings.message_size_limit > 0 ? settings.message_size_limit : kMaxMessage,
                               settings.proxy_hostname};
    const auto mails = arguments->quarantine ? open_quarantine(settings.quarantine_path, arguments->area, options)
                                             : open_files(arguments->sources, options);
    if (!mails)
        return complain(mails.error().message);
    if (const auto note = note_on_settings(arguments->settings, candidate->settings.rules()); !note.empty())
        complain(note);
    return Replay(**mails, *in_force, *candidate, arguments->settings).run();
}

}  // namespace inspect
