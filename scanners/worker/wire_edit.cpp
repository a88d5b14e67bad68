// Encoding and decoding of the packets in wire_edit.hpp. Pure.
#include "scanners/worker/wire_edit.hpp"

#include <algorithm>
#include <utility>

#include "base/channel.hpp"
#include "scanners/worker/wire_codec.hpp"

namespace scanners::wire {
namespace {

base::Status check_bounds(const EditRequest& request) {
    if (request.removals.size() > kMaxRemovals || request.stamps.size() > kMaxStamps)
        return base::error("{} removals and {} stamps are asked of one mail", request.removals.size(),
                           request.stamps.size());
    const bool notes = request.clean_note.size() <= kMaxNote &&
                       std::all_of(request.removals.begin(), request.removals.end(),
                                   [](const auto& removal) { return removal.note.size() <= kMaxNote; });
    const bool stamps = std::all_of(request.stamps.begin(), request.stamps.end(), [](const auto& stamp) {
        return stamp.plain.size() <= kMaxStampText && stamp.html.size() <= kMaxStampText;
    });
    if (!notes)
        return base::error("a note has more than {} octets", kMaxNote);
    if (!stamps)
        return base::error("a stamp has more than {} octets", kMaxStampText);
    return base::ok();
}

bool fits(const EditAnswer& answer) {
    std::size_t octets = 0;
    for (const auto& edit : answer.edits)
        octets += edit.text.size();
    return answer.edits.size() <= kMaxEdits && octets <= kMaxEditTexts;
}

void write_answer(Writer& writer, const EditAnswer& answer) {
    writer.number(answer.removed);
    writer.number(answer.stamped);
    writer.number(static_cast<std::uint16_t>(answer.edits.size()));
    for (const auto& edit : answer.edits) {
        writer.number(std::uint64_t{edit.begin});
        writer.number(std::uint64_t{edit.end});
        writer.octets<std::uint32_t>(edit.text);
    }
}

EditAnswer read_answer(Reader& reader) {
    EditAnswer answer;
    answer.removed = reader.number<std::uint32_t>();
    answer.stamped = reader.number<std::uint32_t>();
    const std::size_t edits = reader.number<std::uint16_t>();
    reader.require(edits <= kMaxEdits);
    std::size_t room = kMaxEditTexts;
    for (std::size_t i = 0; i < edits && reader.good(); ++i) {
        mail::RangeEdit edit;
        edit.begin = reader.number<std::uint64_t>();
        edit.end = reader.number<std::uint64_t>();
        edit.text = reader.octets<std::uint32_t>(room);
        room -= edit.text.size();
        answer.edits.push_back(std::move(edit));
    }
    return answer;
}

}  // namespace

base::Result<std::string> encode(const EditJob& job) {
    const auto& request = job.request;
    if (auto within = check_bounds(request); !within)
        return within.error();
    Writer writer(kEditJob);
    writer.number(job.serial);
    writer.number(job.size);
    writer.number(std::uint8_t{request.clean});
    writer.octets<std::uint16_t>(request.clean_note);
    writer.number(static_cast<std::uint16_t>(request.removals.size()));
    for (const auto& removal : request.removals) {
        writer.number(removal.entity);
        writer.octets<std::uint16_t>(removal.note);
    }
    writer.number(static_cast<std::uint8_t>(request.stamps.size()));
    for (const auto& stamp : request.stamps) {
        writer.number(std::uint8_t{stamp.at_end});
        writer.octets<std::uint16_t>(stamp.plain);
        writer.octets<std::uint16_t>(stamp.html);
    }
    if (writer.size() > base::kMaxPacket)
        return base::error("the texts of an edit have {} octets", writer.size());
    return writer.take();
}

std::string encode(const Edited& edited) {
    Writer writer(kEdited);
    writer.number(edited.serial);
    const bool done = edited.answer.has_value() && fits(*edited.answer);
    writer.number(std::uint8_t{done});
    if (done)
        write_answer(writer, *edited.answer);
    else
        writer.text<std::uint16_t>(
            edited.answer ? "the changes are more than fit into an answer" : edited.answer.error().message, kMaxWhyNot);
    return writer.take();
}

std::optional<EditJob> decode_edit_job(std::string_view packet) {
    Reader reader(packet, kEditJob);
    EditJob job;
    job.serial = reader.number<std::uint32_t>();
    job.size = reader.number<std::uint64_t>();
    job.request.clean = reader.flag();
    job.request.clean_note = reader.octets<std::uint16_t>(kMaxNote);
    const std::size_t removals = reader.number<std::uint16_t>();
    reader.require(removals <= kMaxRemovals);
    for (std::size_t i = 0; i < removals && reader.good(); ++i) {
        EditRequest::Removal removal;
        removal.entity = reader.number<std::uint16_t>();
        removal.note = reader.octets<std::uint16_t>(kMaxNote);
        job.request.removals.push_back(std::move(removal));
    }
    const std::size_t stamps = reader.number<std::uint8_t>();
    reader.require(stamps <= kMaxStamps);
    for (std::size_t i = 0; i < stamps && reader.good(); ++i) {
        EditRequest::Stamp stamp;
        stamp.at_end = reader.flag();
        stamp.plain = reader.octets<std::uint16_t>(kMaxStampText);
        stamp.html = reader.octets<std::uint16_t>(kMaxStampText);
        job.request.stamps.push_back(std::move(stamp));
    }
    return reader.complete() ? std::optional(std::move(job)) : std::nullopt;
}

std::optional<Edited> decode_edited(std::string_view packet) {
    Reader reader(packet, kEdited);
    Edited edited;
    edited.serial = reader.number<std::uint32_t>();
    if (reader.flag())
        edited.answer = read_answer(reader);
    else
        edited.answer = base::Error{reader.text<std::uint16_t>(kMaxWhyNot)};
    return reader.complete() ? std::optional(std::move(edited)) : std::nullopt;
}

}  // namespace scanners::wire
