// Replies of network scanners: bounded, the chunking makes no difference, and never clean but for what is called so.
//
// The first octet says who answers: an ICAP server to a scan with or without a preview, or to OPTIONS, or clamd.
#include "scanners/network/icap.hpp"

#include <memory>

#include "scanners/network/clamd.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
using policy::Outcome;
using namespace scanners::network;

const std::string kMail = "Subject: x\r\n\r\nhello\r\n";

class Text final : public mail::Message {
  public:
    std::string_view bytes() const override { return kMail; }
    base::Result<base::UniqueFd> share() const override { return base::error("not here"); }
};

std::unique_ptr<Conversation> begin(std::uint8_t choice) {
    const config::ScannerServer server{{}, {}, "/av"};
    const auto method = (choice & 1U) != 0 ? config::IcapMethod::kRespmod : config::IcapMethod::kReqmod;
    ServerFacts facts;
    if ((choice & 2U) != 0)
        facts.preview = 5;
    switch (choice >> 2 & 3U) {
        case 0:
            return clamd_scan(std::make_shared<Text>());
        case 1:
            return icap_options(server, method);
        default:
            return icap_scan(server, method, facts, std::make_shared<Text>());
    }
}

void send_all(Conversation& conversation) {
    std::size_t sent = 0;
    for (auto piece = conversation.output(); !piece.empty(); piece = conversation.output()) {
        sent += piece.size();
        require(sent < kMail.size() + 2000, "what is sent is bounded");
    }
}

Answer converse(std::uint8_t choice, std::string_view bytes, fuzz::Cuts* cuts) {
    const auto conversation = begin(choice);
    send_all(*conversation);
    while (!bytes.empty() && !conversation->answer()) {
        const auto piece = bytes.substr(0, cuts == nullptr ? bytes.size() : cuts->next());
        bytes.remove_prefix(piece.size());
        conversation->input(piece);
        if (!conversation->answer())
            send_all(*conversation);
    }
    if (!conversation->answer())
        conversation->end("over");
    require(conversation->answer().has_value(), "there is an answer in the end");
    return *conversation->answer();
}

void check(const Answer& answer, std::uint8_t choice, std::string_view bytes) {
    const auto& result = answer.result;
    require(result.name.size() <= kMaxName && result.detail.size() <= kMaxDetail, "texts are bounded");
    require(answer.facts.signatures.size() <= kMaxDetail + 1, "so is what a server says of itself");
    require(result.outcome != Outcome::kCannotTell || result.cause != policy::Cause::kNone, "not to know has a cause");
    require(answer.counts || result.outcome == Outcome::kCannotTell, "what does not count says nothing");
    if (result.outcome != Outcome::kClean)
        return;
    const bool called_clean = (choice >> 2 & 3U) == 0 ? bytes.find("stream: OK") != std::string_view::npos
                                                      : bytes.find("ICAP/1.") != std::string_view::npos;
    require(called_clean, "clean is said, never concluded");
    const bool of_mail = (choice >> 2 & 3U) > 1;
    require(!of_mail || bytes.find(" 204") != std::string_view::npos || bytes.size() > kMail.size(),
            "by 204, or by giving the message back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Source source(fuzz::as_text(data, size));
    const auto choice = source.octet();
    const auto seed = static_cast<std::uint32_t>(source.number(2));
    const auto bytes = source.rest();
    const auto whole = converse(choice, bytes, nullptr);
    check(whole, choice, bytes);
    fuzz::Cuts cuts(seed);
    const auto pieces = converse(choice, bytes, &cuts);
    require(whole.result.outcome == pieces.result.outcome && whole.result.name == pieces.result.name &&
                whole.counts == pieces.counts && whole.fault == pieces.fault &&
                whole.facts.preview == pieces.facts.preview,
            "the chunking makes no difference");
    return 0;
}
