// Compares our first reading of mails with GMime's: number of leaves, and the decoded octets of each. GMime is for this
// program only.
//
// Usage: second_opinion FILE ...     prints "same FILE", or "differs FILE WHY: defects", and counts at the end. WHY:
// leaves, octets, or ends (only white space at ends of lines and of the part).
#include <gmime/gmime.h>

#include <cstdio>

#include "evasion/file.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/tree.hpp"
#include "scanners/other_readings.hpp"
#include "scanners/transfer.hpp"

namespace {

using Leaves = std::vector<std::string>;

void take(GMimeObject* object, Leaves& leaves, unsigned depth);

void take_message(GMimeMessage* message, Leaves& leaves, unsigned depth) {
    if (message != nullptr && g_mime_message_get_mime_part(message) != nullptr)
        take(g_mime_message_get_mime_part(message), leaves, depth + 1);
}

void take(GMimeObject* object, Leaves& leaves, unsigned depth) {
    if (depth > 100)
        return;
    if (GMIME_IS_MULTIPART(object)) {
        auto* multipart = GMIME_MULTIPART(object);
        for (int i = 0; i < g_mime_multipart_get_count(multipart); ++i)
            take(g_mime_multipart_get_part(multipart, i), leaves, depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        take_message(g_mime_message_part_get_message(GMIME_MESSAGE_PART(object)), leaves, depth);
    } else if (GMIME_IS_PART(object)) {
        std::string octets;
        if (auto* content = g_mime_part_get_content(GMIME_PART(object))) {
            auto* memory = g_mime_stream_mem_new();
            g_mime_data_wrapper_write_to_stream(content, memory);
            const auto* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
            octets.assign(reinterpret_cast<const char*>(bytes->data), bytes->len);
            g_object_unref(memory);
        }
        leaves.push_back(std::move(octets));
    }
}

Leaves theirs(const std::string& mail) {
    Leaves leaves;
    auto* stream = g_mime_stream_mem_new_with_buffer(mail.data(), mail.size());
    auto* parser = g_mime_parser_new_with_stream(stream);
    if (auto* message = g_mime_parser_construct_message(parser, nullptr)) {
        take_message(message, leaves, 0);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return leaves;
}

Leaves ours(const std::string& mail, const mail::mime::Tree& tree, std::uint64_t& defects) {
    Leaves leaves;
    for (const auto& entity : tree.entities) {
        if (entity.leaf && !entity.is_multipart())
            leaves.push_back(scanners::decode_body(entity.body.of(mail), entity.encoding, defects));
    }
    return leaves;
}

// Without line ends at the end, and without blanks before any: RFC 2045 section 6.7 has them removed from
// quoted-printable, which GMime does not do.
std::string without_ends(const std::string& octets) {
    std::string text;
    for (const char octet : octets) {
        if (octet == '\n') {
            while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
                text.pop_back();
        }
        text += octet;
    }
    while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
        text.pop_back();
    return text;
}

const char* compare(const Leaves& left, const Leaves& right) {
    if (left.size() != right.size())
        return "leaves";
    const char* worst = nullptr;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (left[i] == right[i])
            continue;
        if (without_ends(left[i]) != without_ends(right[i]))
            return "octets";
        worst = "ends";
    }
    return worst;
}

}  // namespace

int main(int count, char** arguments) {
    g_mime_init();
    std::size_t same = 0;
    std::size_t leaves = 0;
    std::size_t octets = 0;
    for (int i = 1; i < count; ++i) {
        const auto mail = evasion::canonical(evasion::read(arguments[i]));
        const auto tree = mail::mime::parse(mail, {500, 2000, 1000, 60});
        auto defects = tree.defects;
        const auto first = ours(mail, tree, defects);
        leaves += first.size();
        for (const auto& leaf : first)
            octets += leaf.size();
        const auto second = theirs(mail);
        const auto* difference = compare(first, second);
        same += difference == nullptr ? 1 : 0;
        if (difference != nullptr)
            std::printf("differs %s %s %zu/%zu %s: %s\n", difference,
                        scanners::is_ambiguous(defects) ? "ambiguous" : "clear", first.size(), second.size(),
                        arguments[i], mail::mime::describe(defects).c_str());
    }
    std::printf("%zu of %d the same, %zu leaves, %zu octets\n", same, count - 1, leaves, octets);
    return 0;
}
