// The packets between proxy, zygote and workers, both ways: garbage is refused, what is taken is written the same way,
// and whatever a scanner says arrives as something printable and bounded.
#include "scanners/worker/wire.hpp"

#include <algorithm>
#include <cstdint>

#include "base/utf8.hpp"
#include "scanners/worker/wire_edit.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
namespace wire = scanners::wire;

// There is one way to write each value, so a packet that is taken is the packet that we would write.
void take_packet(std::string_view packet) {
    unsigned kinds = 0;
    if (const auto job = wire::decode_job(packet)) {
        ++kinds;
        require(wire::encode(*job) == packet, "a job");
    }
    if (const auto job = wire::decode_text_job(packet)) {
        ++kinds;
        require(wire::encode(*job) == packet, "a job with its message");
    }
    if (const auto worker = wire::decode_worker(packet)) {
        ++kinds;
        require(wire::encode(*worker) == packet, "a worker");
    }
    if (const auto kill = wire::decode_kill(packet)) {
        ++kinds;
        require(wire::encode(*kill) == packet, "a kill");
    }
    if (const auto answer = wire::decode_answer(packet)) {
        ++kinds;
        require(!answer->results.empty() && answer->results.size() <= wire::kMaxResults, "results are bounded");
        require(wire::encode(*answer) == packet, "an answer");
    }
    if (const auto greeting = wire::decode_greeting(packet)) {
        ++kinds;
        require(greeting->size() <= wire::kMaxSignatures, "a greeting is bounded");
        require(wire::encode_greeting(*greeting) == packet, "a greeting");
    }
    if (const auto job = wire::decode_edit_job(packet)) {
        ++kinds;
        const auto again = wire::encode(*job);
        require(again && *again == packet, "an edit");
    }
    if (const auto edited = wire::decode_edited(packet)) {
        ++kinds;
        require(wire::encode(*edited) == packet, "an answer to an edit");
    }
    kinds += wire::is_ready(packet) ? 1U : 0U;
    require(kinds <= 1, "a packet is of one kind");
}

std::string as_sent(std::string_view text, std::size_t limit) {
    std::string sent(text.substr(0, limit));
    std::replace_if(
        sent.begin(), sent.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return sent;
}

policy::ScanResult make_result(fuzz::Source& source) {
    policy::ScanResult result;
    result.outcome = static_cast<policy::Outcome>(source.octet() % 4);
    const bool cannot_tell = result.outcome == policy::Outcome::kCannotTell;
    result.cause = cannot_tell
                       ? static_cast<policy::Cause>(1 + source.octet() % static_cast<unsigned>(policy::kLastCause))
                       : policy::Cause::kNone;
    result.scanner = "s" + std::string(source.text(source.octet() % 48));
    result.name = "n" + std::string(source.text(source.number(2) % 400));
    result.detail = source.text(source.number(2) % 2000);
    return result;
}

// Whatever a mail made of it, as long as it keeps the rules of a tree.
policy::Contents make_contents(fuzz::Source& source) {
    policy::Contents contents;
    const std::size_t count = source.octet();
    for (std::size_t i = 0; i < count; ++i) {
        policy::Item item;
        item.kind = i == 0 ? policy::Item::Kind::kMessage : static_cast<policy::Item::Kind>(source.octet() % 5);
        item.parent = static_cast<std::uint16_t>(i == 0 ? 0 : source.octet() % i);
        if (i > 0)
            item.layer = static_cast<std::uint16_t>(contents.items[item.parent].layer + source.octet() % 2);
        item.marks = static_cast<std::uint16_t>(source.number(2) & 0x1ffU);
        item.entity = static_cast<std::uint16_t>(source.octet());
        item.size = source.number(8);
        for (std::size_t names = source.octet() % 6; names > 0; --names)
            item.names.emplace_back(source.text(source.number(2) % 400));
        item.true_type = source.text(source.octet());
        contents.items.push_back(std::move(item));
    }
    for (std::size_t hits = source.octet(); hits > 0; --hits)
        contents.hits.push_back({1, static_cast<std::uint16_t>(count == 0 ? 0 : source.octet() % count), 2,
                                 std::string(source.text(source.octet()))});
    contents.subject = source.text(source.octet());
    for (std::size_t fields = source.octet() % 4; fields > 0; --fields) {
        policy::FieldSeen field{std::string(source.text(source.octet())), 4, false, {}};
        for (std::size_t values = source.octet() % 4; values > 0; --values)
            field.values.emplace_back(source.text(source.number(2)));
        contents.fields.push_back(std::move(field));
    }
    contents.malformed_field = source.text(source.octet());
    contents.languages.assign(source.octet() % 5, "de");
    contents.writings = static_cast<std::uint16_t>(source.number(2) & 0x1fffU);
    return contents;
}

void check_contents(const policy::Contents& sent, const policy::Contents& got) {
    require(got.items.size() <= sent.items.size(), "no item more than were sent");
    require(got.items.size() == sent.items.size() || !got.exceeded.empty(), "what is left out is said");
    for (std::size_t i = 0; i < got.items.size(); ++i) {
        require(got.items[i].parent == sent.items[i].parent && got.items[i].marks == sent.items[i].marks &&
                    got.items[i].entity == sent.items[i].entity,
                "an item");
        require(base::is_clean_utf8(got.items[i].true_type), "text of an item is clean");
    }
    for (const auto& hit : got.hits)
        require(hit.excerpt.size() <= policy::kMaxExcerpt && base::is_clean_utf8(hit.excerpt), "an excerpt");
    require(got.fields.size() <= sent.fields.size(), "no field more than were sent");
    require(got.fields.size() == sent.fields.size() || !got.exceeded.empty(), "a field that is left out is said");
    for (const auto& field : got.fields)
        for (const auto& value : field.values)
            require(value.size() <= policy::kMaxFieldOctets && base::is_clean_utf8(value), "a field's value");
    require(got.writings == sent.writings && got.languages.size() <= policy::kMaxLanguages, "what is written");
    require(got.subject == base::clean_utf8(sent.subject, policy::kMaxName), "the subject");
}

void give_answer(fuzz::Source& source) {
    wire::Answer answer;
    answer.serial = static_cast<std::uint32_t>(source.number(4));
    const std::size_t count = source.octet() % 20;
    for (std::size_t i = 0; i < count; ++i)
        answer.results.push_back(make_result(source));
    answer.contents = make_contents(source);
    const auto decoded = wire::decode_answer(wire::encode(answer));
    require(decoded.has_value() == !answer.results.empty(), "an answer arrives, if it says anything");
    if (!decoded)
        return;
    require(decoded->serial == answer.serial, "serial");
    check_contents(answer.contents, decoded->contents);
    require(decoded->results.size() == std::min(answer.results.size(), wire::kMaxResults), "number of results");
    for (std::size_t i = 0; i < decoded->results.size(); ++i) {
        const auto& sent = answer.results[i];
        const auto& got = decoded->results[i];
        require(got.outcome == sent.outcome && got.cause == sent.cause, "outcome and cause");
        require(got.scanner == as_sent(sent.scanner, wire::kMaxScannerName), "scanner");
        require(got.name == as_sent(sent.name, wire::kMaxSignatureName), "name");
        require(got.detail == as_sent(sent.detail, wire::kMaxDetail), "detail");
    }
}

void give_edit(fuzz::Source& source) {
    wire::EditJob job{static_cast<std::uint32_t>(source.number(4)), source.number(8), {}};
    job.request.clean = source.octet() % 2 == 1;
    job.request.clean_note = source.text(source.octet());
    for (std::size_t i = source.octet() % 8; i > 0; --i)
        job.request.removals.push_back(
            {static_cast<std::uint16_t>(source.number(2)), std::string(source.text(source.octet()))});
    for (std::size_t i = source.octet() % 12; i > 0; --i)
        job.request.stamps.push_back({source.octet() % 2 == 1, std::string(source.text(source.octet())),
                                      std::string(source.text(source.octet()))});
    const auto packet = wire::encode(job);
    require(packet.has_value() == (job.request.stamps.size() <= wire::kMaxStamps), "an edit within its bounds is sent");
    const auto got = packet ? wire::decode_edit_job(*packet) : std::nullopt;
    require(!packet || (got && got->request.removals.size() == job.request.removals.size()), "an edit arrives");
    scanners::EditAnswer answer;
    for (std::size_t i = source.octet(); i > 0; --i)
        answer.edits.push_back({source.number(8), source.number(8), std::string(source.text(source.octet()))});
    const auto edited = wire::decode_edited(wire::encode({job.serial, answer}));
    require(edited && edited->answer && edited->answer->edits == answer.edits, "an answer to an edit arrives");
}

void give_numbers(fuzz::Source& source) {
    const wire::Job job{static_cast<std::uint32_t>(source.number(4)), source.number(8)};
    const auto got_job = wire::decode_job(wire::encode(job));
    require(got_job && got_job->serial == job.serial && got_job->size == job.size, "a job arrives");
    const auto text = source.text(source.number(2) % 1000);
    const auto with_text = wire::encode(wire::TextJob{job.serial, text});
    const auto got_text = wire::decode_text_job(with_text);
    require(got_text && got_text->serial == job.serial && got_text->text == text, "a job with its message arrives");
    const wire::Worker worker{static_cast<std::uint32_t>(source.number(4)),
                              static_cast<std::uint32_t>(source.number(4)),
                              static_cast<std::uint32_t>(source.number(4))};
    const auto got_worker = wire::decode_worker(wire::encode(worker));
    require(got_worker && got_worker->slot == worker.slot && got_worker->serial == worker.serial &&
                got_worker->pid == worker.pid,
            "a worker arrives");
    const wire::Kill kill{worker.serial, worker.slot};
    const auto got_kill = wire::decode_kill(wire::encode(kill));
    require(got_kill && got_kill->slot == kill.slot && got_kill->serial == kill.serial, "a kill arrives");
    const auto signatures = source.text(source.number(2) % 1000);
    require(wire::decode_greeting(wire::encode_greeting(signatures)) == as_sent(signatures, wire::kMaxSignatures),
            "a greeting arrives");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = fuzz::as_text(data, size);
    take_packet(bytes);
    fuzz::Source source(bytes);
    switch (source.octet() % 4) {
        case 0:
            give_answer(source);
            break;
        case 1:
            give_numbers(source);
            break;
        case 2:
            give_edit(source);
            break;
        default:
            break;
    }
    return 0;
}
