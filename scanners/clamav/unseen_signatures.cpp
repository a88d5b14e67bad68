#include "scanners/clamav/unseen_signatures.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "scanners/clamav/logical_expression.hpp"

namespace scanners::clamav {
namespace {

using layout::LogicalSignature;
using layout::Matcher;

// Of no kind that libclamav knows.
constexpr LogicalSignature kHidden{0, 0, 0x40, 0, "", "", {}};

// The table of one matcher, and what stood in it.
struct Table {
    LogicalSignature const** entries = nullptr;
    std::vector<const LogicalSignature*> own;
};

std::unordered_map<const Matcher*, Table>& tables() {
    static std::unordered_map<const Matcher*, Table> all;
    return all;
}

// Entries that were hidden and are not now.
std::vector<LogicalSignature const**>& shown() {
    static std::vector<LogicalSignature const**> all;
    return all;
}

bool is_as_expected(const LogicalSignature* signature, std::uint32_t number) {
    return signature != nullptr && signature->number == number && signature->kind <= layout::kLastKind &&
           signature->expression != nullptr;
}

bool needs_a_part(const LogicalSignature& signature) {
    static constexpr std::array<std::uint32_t, layout::kMaxParts> kNothing{};
    const char* const expression = signature.expression;
    return signature.kind == layout::kNormalKind &&
           is_surely_false(expression, expression + std::strlen(expression), kNothing.data());
}

void show(Table& table, std::uint32_t signature) {
    auto& entry = table.entries[signature];
    if (entry != &kHidden)
        return;
    shown().push_back(&entry);
    entry = table.own[signature];
}

}  // namespace

std::uint32_t hide_unseen_signatures(const Matcher& matcher) {
    auto** const entries = matcher.logical_table;
    if (matcher.logical == 0 || entries == nullptr)
        return 0;
    for (std::uint32_t i = 0; i < matcher.logical; ++i)
        if (!is_as_expected(entries[i], i))
            return 0;
    Table table{entries, {entries, entries + matcher.logical}};
    std::uint32_t hidden = 0;
    for (std::uint32_t i = 0; i < matcher.logical; ++i)
        if (needs_a_part(*entries[i])) {
            entries[i] = &kHidden;
            ++hidden;
        }
    tables().emplace(&matcher, std::move(table));
    return hidden;
}

void show_signature(const Matcher& matcher, std::uint32_t signature) {
    const auto found = tables().find(&matcher);
    if (found != tables().end())
        show(found->second, signature);
}

void show_signature_in_any(std::uint32_t count, std::uint32_t signature) {
    for (auto& [matcher, table] : tables())
        if (table.own.size() == count)
            show(table, signature);
}

std::size_t hide_shown_signatures() {
    const auto count = shown().size();
    for (auto** const entry : shown())
        *entry = &kHidden;
    shown().clear();
    return count;
}

void show_all_signatures(const Matcher& matcher) {
    const auto found = tables().find(&matcher);
    if (found == tables().end())
        return;
    auto& [entries, own] = found->second;
    std::copy(own.begin(), own.end(), entries);
    std::erase_if(shown(), [&, first = entries, last = entries + own.size()](auto** entry) {
        return entry >= first && entry < last;
    });
    tables().erase(found);
}

}  // namespace scanners::clamav
