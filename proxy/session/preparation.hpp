// Preparation: what comes before a group's delivery: the body is changed, the original is kept, others get copies.
//
// Belongs to one loop, and to one Disposal. Each act is in the journal under a key of its own before and after it is
// done, so that a retry of the mail repeats none, and goes on where time was over. All of it succeeds, or the group is
// held or deferred: nothing is delivered half changed, and no copy is promised that was not taken (invariants 4, 5).
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "mail/range_edit.hpp"
#include "policy/decision.hpp"
#include "scanners/edit_request.hpp"
#include "session/admission.hpp"
#include "session/incoming_mail.hpp"

namespace session {

class Shard;

// For the log: [smtp] disposal_timeout is over.
inline constexpr std::string_view kNoTimeLeft = "disposal_timeout is over, the rest is done at the next try";

class Preparation {
  public:
    enum class End {
        kReady,
        kHold,   // it cannot be changed as the rules ask: it is to be held as it is
        kLater,  // an act could not be done now
    };
    struct Outcome {
        End end = End::kReady;
        std::string why{};
        std::vector<mail::RangeEdit> body{};
        std::string kept_as{};               // quarantine id of the original; empty: it was not kept
        std::vector<std::string> removed{};  // names of what is taken out of the body
    };
    // Acts of this mail that are done, for this group or for one before it.
    using Acts = std::set<journal::Key>;
    // How a late answer finds this very preparation again; null: it is over.
    using Reach = std::function<Preparation*()>;

    // The decision asks for something that has to come first.
    static bool needed(const policy::Decision& decision);

    // `mail`, `recipients`, `decision` and `acts` outlive it. No act is begun after `latest`. `done` runs once, perhaps
    // within start().
    Preparation(Shard& shard, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                const policy::Decision& decision, Acts& acts, base::Monotonic::time_point latest, Reach reach,
                std::function<void(Outcome)> done);
    void start();

  private:
    struct Act {
        enum class Kind { kKeep, kCopy } kind = Kind::kKeep;
        std::string whom;  // area of the quarantine, or address
        std::string id;    // of the entry or of the copy
        journal::Key key{};
    };

    static std::string describe(const Act& act);
    bool plan();
    bool plan_removals(const policy::Step& step);
    void add_act(Act::Kind kind, const std::string& whom);
    void ask_journal();
    void on_known(const std::vector<journal::Known>& known);
    void edit();
    void write_notes();
    void on_edited(base::Result<scanners::EditAnswer> answer);
    void scan_again();
    void on_scanned(const policy::ScanReport& report);
    [[nodiscard]] bool passes(const policy::ScanReport& report) const;
    void act();
    void next_act();
    void keep(const Act& act);
    void copy(const Act& act);
    void on_act(const base::Status& status, const std::string& what);
    [[nodiscard]] std::string note(const policy::Step& step, const std::string& name) const;
    void finish(End end, std::string why = {});
    template <typename Call>
    auto when_found(Call call);

    Shard& shard_;
    const IncomingMail& mail_;
    const std::vector<std::size_t>& recipients_;
    const policy::Decision& decision_;
    Acts& acts_done_;
    base::Monotonic::time_point latest_;
    Reach reach_;
    std::function<void(Outcome)> done_;

    // To be taken out of the body, and by which step: what stands there instead names the id of the original.
    struct Removal {
        std::uint16_t entity;
        const policy::Step* step;
        std::string name;
    };
    std::vector<Removal> removals_;
    bool removes_ = false;  // a step takes something out, if it is there
    const policy::Step* clean_ = nullptr;
    scanners::EditRequest request_;
    std::vector<Act> acts_;     // the next one first
    Admission::Memory memory_;  // of the changed mail, while it is scanned again
    Outcome outcome_;
};

}  // namespace session
