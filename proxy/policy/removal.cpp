#include "policy/removal.hpp"

#include <algorithm>

#include "mail/mime/defect.hpp"

namespace policy {
namespace {

using Items = std::vector<std::uint16_t>;

// Multiparts that hold others. One whose boundary never occurs is a file that some reader shows as whatever it is.
std::vector<bool> find_containers(const std::vector<Item>& items) {
    std::vector<bool> found(items.size());
    for (const auto& item : items) {
        const auto& parent = items[item.parent];
        if (item.entity != 0 && parent.declared_type.starts_with("multipart/") && !parent.is(Mark::kAttachment))
            found[item.parent] = true;
    }
    return found;
}

bool is_shown_text(const Item& item) {
    return (item.declared_type == "text/plain" || item.declared_type == "text/html") && !item.is(Mark::kAttachment);
}

base::Status check(const Contents& contents) {
    if (contents.items.empty())
        return base::error("nobody looked inside the mail");
    if (mail::mime::is_malformed(contents.defects))
        return base::error("the mail is malformed ({})", mail::mime::describe(contents.defects));
    return base::ok();
}

// The item of the entity that `item` is, or lies in.
base::Result<std::uint16_t> entity_around(const Contents& contents, std::uint16_t item) {
    if (item >= contents.items.size())
        return base::error("there is no item {}", item);
    for (std::uint16_t at = item;; at = contents.items[at].parent) {
        const auto& one = contents.items[at];
        if (one.kind == Item::Kind::kReading)
            return base::error("only another reading of the mail shows item {}", item);
        if (one.entity != 0)
            return at;
        if (at == 0)
            return base::error("item {} is in no part of the mail", item);
    }
}

bool is_inside_another(const Contents& contents, std::uint16_t item, const Items& others) {
    while (item != 0) {
        item = contents.items[item].parent;
        if (std::binary_search(others.begin(), others.end(), item))
            return true;
    }
    return false;
}

// `items` have an entity each.
std::vector<std::uint16_t> entities_of(const Contents& contents, Items items) {
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    std::vector<std::uint16_t> entities;
    for (const auto item : items) {
        if (!is_inside_another(contents, item, items))
            entities.push_back(contents.items[item].entity);
    }
    std::sort(entities.begin(), entities.end());
    entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
    return entities;
}

// Limits of which each may have left an attachment out of the list.
bool is_complete(const Contents& contents) {
    return std::all_of(contents.exceeded.begin(), contents.exceeded.end(), [](const Exceeded& one) {
        return one.limit == ContentLimit::kLayers || one.limit == ContentLimit::kReadings;
    });
}

}  // namespace

base::Result<std::vector<std::uint16_t>> removable(const Contents& contents, const std::vector<std::uint16_t>& items) {
    if (auto checked = check(contents); !checked)
        return checked.error();
    if (items.empty())
        return base::error("nothing in the mail is said to be removed");
    Items around;
    for (const auto item : items) {
        const auto found = entity_around(contents, item);
        if (!found)
            return found.error();
        around.push_back(*found);
    }
    return entities_of(contents, std::move(around));
}

base::Result<std::vector<std::uint16_t>> attachments(const Contents& contents) {
    if (auto checked = check(contents); !checked)
        return checked.error();
    if (!is_complete(contents))
        return base::error("a limit was reached before all attachments were seen");
    const auto containers = find_containers(contents.items);
    Items found;
    for (std::size_t i = 0; i < contents.items.size(); ++i) {
        const auto& item = contents.items[i];
        if (item.kind == Item::Kind::kReading)
            return base::error("another reading of the mail shows something else");
        // uuencode and the like: the file stands between lines that people read.
        const auto& parent = contents.items[item.parent];
        if (item.kind == Item::Kind::kEmbedded && parent.entity != 0 && is_shown_text(parent))
            return base::error("a file stands in the text of item {}", item.parent);
        if (item.entity != 0 && !containers[i] && !is_shown_text(item))
            found.push_back(static_cast<std::uint16_t>(i));
    }
    return entities_of(contents, std::move(found));
}

}  // namespace policy
