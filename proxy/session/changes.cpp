#include "session/changes.hpp"

#include "session/trace.hpp"

namespace session {
namespace {

std::vector<mail::HeaderEdit> header_edits(const policy::Decision& decision) {
    using Edit = mail::HeaderEdit::Kind;
    std::vector<mail::HeaderEdit> edits;
    for (const auto& step : decision.steps) {
        switch (step.kind) {
            case policy::Step::Kind::kTagSubject:
                edits.push_back({Edit::kTag, "Subject", step.value});
                break;
            case policy::Step::Kind::kAddHeader:
                edits.push_back({Edit::kAdd, step.name, step.value});
                break;
            case policy::Step::Kind::kReplaceHeader:
                edits.push_back({Edit::kReplace, step.name, step.value});
                break;
            case policy::Step::Kind::kRemoveHeader:
                edits.push_back({Edit::kRemove, step.name, {}});
                break;
            default:
                break;  // no change of the header
        }
    }
    return edits;
}

}  // namespace

mail::Rope changed_mail(const IncomingMail& mail, const policy::Decision& decision,
                        const std::vector<mail::RangeEdit>& body) {
    return mail::with_trace(mail.message, trace_fields(mail, decision), header_edits(decision), body);
}

}  // namespace session
