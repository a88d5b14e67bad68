#include "config/action_settings.hpp"

#include <array>

namespace config {
namespace {

using policy::Action;
using policy::ContentLimit;
using policy::Failure;
using CellMember = Member<policy::Actions::Word>;

constexpr Word kCellActions[] = {{"defer", int(Action::kDefer)},
                                 {"quarantine", int(Action::kQuarantine)},
                                 {"deliver-with-mark", int(Action::kDeliverWithMark)},
                                 {"ignore", int(Action::kDeliver)}};
// Of what counts as nothing unless it is set: "ignore" is the word for that.
constexpr Word kFactActions[] = {{"defer", int(Action::kDefer)},
                                 {"quarantine", int(Action::kQuarantine)},
                                 {"deliver-with-mark", int(Action::kDeliverWithMark)}};

// Where the cells of a section are.
struct OfClamav {
    static auto& in(auto& settings) { return settings.clamav.actions; }
};
struct OfOther {
    static auto& in(auto& settings) { return settings.other_scanners.back().actions; }
};
struct OfContent {
    static auto& in(auto& settings) { return settings.content_actions; }
};
struct OfRecipients {
    static auto& in(auto& settings) { return settings.recipients.back().actions; }
};

template <typename Row, Failure failure>
CellMember cell_of() {
    return {[](Settings& settings) -> policy::Actions::Word& { return Row::in(settings).of(failure); },
            [](const Settings& settings) -> const policy::Actions::Word& { return Row::in(settings).of(failure); }};
}

template <ContentLimit limit>
CellMember limit_of() {
    constexpr auto kIndex = static_cast<std::size_t>(limit);
    return {[](Settings& settings) -> policy::Actions::Word& { return settings.content_limit_actions[kIndex]; },
            [](const Settings& settings) -> const policy::Actions::Word& {
                return settings.content_limit_actions[kIndex];
            }};
}

// The texts of one section, in the order of policy::kFailures; an empty one: that cannot happen there.
using Texts = std::array<std::string_view, policy::kFailures.size()>;

constexpr Texts kClamavTexts{
    "What is done when there is no scanner process to ask, or too many messages wait for one. The words are those of "
    "failure_action, which counts where nothing is said, and one more.\n"
    "ignore: the message is treated as if this scanner had found nothing in it; X-Sandwich-Verdict and the log say "
    "what "
    "was ignored. With ignore and deliver-with-mark mail passes that nobody has looked at, which is warned about at "
    "the "
    "start: sandwichctl matrix shows what is in force.",
    "What is done when scan_timeout or total_timeout is over.",
    "What is done when the scanner process crashes, or libclamav says that something went wrong.",
    "What is done when one of the limits above is reached, or memory_limit or tmp_size of [worker].",
    "What is done with a message that holds an encrypted archive or document. Trying again opens no archive, so that "
    "what "
    "is deferred bounces in the end: quarantine is better where such mail is common.",
    "What is done when libclamav cannot read a file because it is broken.",
    "What is done when the signatures are older than max_signature_age, and nothing was found."};
constexpr Texts kClamdTexts{
    "What is done when no server can be reached, or all are left alone after failures. The words are those of "
    "[scanner.clamav].",
    "What is done when no server answers in time.",
    "What is done when servers break off, say ERROR or say what makes no sense.",
    "What is done when clamd says that a limit of its own was reached.",
    "What is done with a message of which it says that it is encrypted.",
    "What is done when it says that a file is broken (Heuristics.Broken).",
    "What is done when its signatures are older than max_signature_age, and nothing was found."};
constexpr Texts kIcapTexts{
    "What is done when no server can be reached, or all are left alone after failures. The words are those of "
    "[scanner.clamav].",
    "What is done when no server answers in time.",
    "What is done when servers break off, report an error or say what makes no sense.",
    "What is done when it names a limit that was reached (Heuristics.Limits.Exceeded).",
    "What is done with a message of which it says that it is encrypted (Heuristics.Encrypted).",
    "What is done when it says that a file is broken (Heuristics.Broken).",
    ""};
constexpr Texts kCheckTexts{
    "What is done when the program cannot be started, or says down. The words are those of [scanner.clamav].",
    "What is done when the program takes too long.",
    "What is done when the program crashes, says error or says what makes no sense.",
    "What is done when it says limit.",
    "What is done with a message of which it says that it is encrypted.",
    "What is done when it says malformed.",
    "What is done when it says stale."};
constexpr Texts kContentTexts{
    "What is done when there is no scanner process to look inside a message, and so no rule of the policy can see what "
    "is "
    "in it. The words are those of [scanner.clamav]. Without a policy this and the next two do not matter.",
    "What is done when looking inside took too long, with the time of ClamAV.",
    "What is done when the scanner process crashes or runs out of memory.",
    "What is done with a message that goes over one of the limits above, or in which the policy's expressions could "
    "not be "
    "looked for to the end, unless a rule of the policy asks for the limit.",
    "What is done with a message that holds anything that is encrypted: archives, documents, S/MIME, OpenPGP. ignore: "
    "nothing; what the scanners say of it still counts, and rules can ask for it.",
    "What is done with a message whose MIME is broken in a way that ordinary mail programs do not write. ignore: "
    "nothing; it "
    "is opened in every way that some mail program might, and rules can ask for it. With defer and quarantine no rule "
    "of the "
    "policy is asked about such a message.",
    ""};
constexpr Texts kRecipientsTexts{
    "What is done for these recipients when a scanner is down; so for the others. What is not set follows "
    "failure_action of "
    "this section, if that is set; but encrypted_action, and what [content] says of broken MIME, do not.",
    "What is done for these recipients when a scanner took too long.",
    "What is done for these recipients when a scanner failed.",
    "What is done for these recipients when a limit was reached.",
    "What is done for these recipients with a message that holds an encrypted archive or document.",
    "What is done for these recipients with a message of which a scanner says that it is broken, or whose MIME is.",
    "What is done for these recipients when signatures are too old."};

// What a key says that is not set.
std::string_view fallback(std::string_view section, Failure failure) {
    if (section == kRecipientsSection)
        return failure == Failure::kEncrypted ? "scanner.clamav" : "failure_action";
    if (section != "content")
        return "failure_action";
    if (failure == Failure::kLimit)
        return "defer";
    return failure == Failure::kEncrypted || failure == Failure::kMalformed ? "ignore" : "failure_action";
}

template <typename Row, Failure failure>
void add_cell(std::vector<Setting>& settings, std::string_view section, const Texts& texts) {
    static const std::string key = policy::key_of(failure);
    const auto text = texts[static_cast<std::size_t>(failure)];
    if (text.empty())
        return;
    const auto unset = fallback(section, failure);
    const std::span<const Word> words = unset == "ignore" ? std::span<const Word>(kFactActions) : kCellActions;
    settings.push_back({section,
                        key,
                        Kind::kChoice,
                        Effect::kReload,
                        false,
                        unset,
                        {0, 0},
                        words,
                        cell_of<Row, failure>(),
                        text,
                        unset == "defer" ? std::string_view() : unset});
}

template <typename Row>
void add_row(std::vector<Setting>& settings, std::string_view section, const Texts& texts) {
    add_cell<Row, Failure::kDown>(settings, section, texts);
    add_cell<Row, Failure::kTimeout>(settings, section, texts);
    add_cell<Row, Failure::kError>(settings, section, texts);
    add_cell<Row, Failure::kLimit>(settings, section, texts);
    add_cell<Row, Failure::kEncrypted>(settings, section, texts);
    add_cell<Row, Failure::kMalformed>(settings, section, texts);
    add_cell<Row, Failure::kStale>(settings, section, texts);
}

template <ContentLimit limit>
void add_limit(std::vector<Setting>& settings, std::string_view text) {
    static const std::string key = policy::key_of(limit);
    settings.push_back({"content",
                        key,
                        Kind::kChoice,
                        Effect::kReload,
                        false,
                        "limit_action",
                        {0, 0},
                        kCellActions,
                        limit_of<limit>(),
                        text,
                        "limit_action"});
}

}  // namespace

std::vector<Setting> action_settings() {
    std::vector<Setting> settings;
    add_row<OfClamav>(settings, "scanner.clamav", kClamavTexts);
    add_row<OfOther>(settings, kClamdSection, kClamdTexts);
    add_row<OfOther>(settings, kIcapSection, kIcapTexts);
    add_row<OfOther>(settings, kCheckSection, kCheckTexts);
    add_row<OfContent>(settings, "content", kContentTexts);
    add_limit<ContentLimit::kEntities>(settings, "What is done with a message over limit_entities.");
    add_limit<ContentLimit::kHeaderFields>(settings, "What is done with a message over limit_headers.");
    add_limit<ContentLimit::kHeaderParameters>(settings, "What is done with a message over limit_header_params.");
    add_limit<ContentLimit::kLayers>(settings, "What is done with a message over limit_layers.");
    add_limit<ContentLimit::kFiles>(settings, "What is done with a message over limit_files.");
    add_limit<ContentLimit::kExpandedSize>(settings, "What is done with a message over limit_expanded_size.");
    add_limit<ContentLimit::kRatio>(settings, "What is done with a message over limit_ratio.");
    add_limit<ContentLimit::kReadings>(settings, "What is done with a message over limit_readings.");
    add_limit<ContentLimit::kScanTime>(settings, "What is done with a message over scan_time.");
    add_limit<ContentLimit::kFacts>(settings,
                                    "What is done with a message of which there is more to tell than a scanner "
                                    "process can: thousands of parts and files.");
    add_row<OfRecipients>(settings, kRecipientsSection, kRecipientsTexts);
    return settings;
}

}  // namespace config
