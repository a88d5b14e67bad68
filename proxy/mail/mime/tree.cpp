#include "mail/mime/tree.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "mail/mime/defect.hpp"
#include "mail/mime/lines.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

std::string_view without_trailing_white(std::string_view line) {
    while (!line.empty() && is_white(line.back()))
        line.remove_suffix(1);
    return line;
}

std::size_t count_fields(const Header& header, std::string_view text, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(header.fields.begin(), header.fields.end(), [&](const Field& field) {
        return equal_ignoring_case(field.name.of(text), name);
    }));
}

std::uint64_t judge_boundary(std::string_view boundary) {
    // RFC 2046 section 5.1.1.
    constexpr std::string_view kMarks = "'()+_,-./:=? ";
    const bool odd = boundary.size() > 70 || is_white(boundary.front()) || is_white(boundary.back()) ||
                     std::any_of(boundary.begin(), boundary.end(), [&](char octet) {
                         return !((octet >= '0' && octet <= '9') || (lower(octet) >= 'a' && lower(octet) <= 'z')) &&
                                kMarks.find(octet) == std::string_view::npos;
                     });
    return odd ? bit(Defect::kBoundarySyntax) : 0;
}

bool is_token(char octet) {
    return octet > ' ' && octet < '\x7F' &&
           std::string_view("()<>@,;:\\\"[]?=*'").find(octet) == std::string_view::npos;
}

// As all mailers write it, and so read alike by all: one blank, words, parameters with one blank or fold before each,
// nothing around "=", quotes without anything to escape. `value` is folded.
bool is_usual(std::string_view value) {
    std::size_t at = 0;
    const auto word = [&] {
        const auto begin = at;
        while (at < value.size() && is_token(value[at]))
            ++at;
        return at > begin;
    };
    const auto blanks = [&] {
        const auto begin = at;
        while (at < value.size() && is_white(value[at]))
            ++at;
        const auto blank = value.substr(begin, at - begin);
        return blank.size() <= 16 && std::count(blank.begin(), blank.end(), '\n') <= 1;
    };
    if (!value.starts_with(' ') || value.size() > 1000 || !blanks() || !word())
        return false;
    while (at < value.size() && value[at] == ';') {
        ++at;
        if (!blanks())
            return false;
        if (at == value.size())
            return true;
        if (!word() || at == value.size() || value[at++] != '=')
            return false;
        if (at < value.size() && value[at] == '"') {
            const auto end = value.find('"', at + 1);
            if (end == std::string_view::npos ||
                value.substr(at, end - at).find_first_of("\\\r\n\t;") != std::string_view::npos)
                return false;
            at = end + 1;
        } else if (!word()) {
            return false;
        }
    }
    const auto rest = at;
    return at == value.size() || (blanks() && at == value.size() && value.find('\n', rest) == std::string_view::npos);
}

// One pass over the lines. Open multiparts are a stack; a delimiter is looked up by its boundary, so that many open
// ones cost no more than one.
class Parser {
  public:
    Parser(std::string_view text, const TreeLimits& limits) : text_(text), limits_(limits) {}

    Tree run() {
        static constexpr LinesWith kDashes("-");
        open_entity(0, 0, {});
        for (at_ = kDashes.find(text_, at_); at_ < text_.size(); at_ = kDashes.find(text_, at_)) {
            const auto begin = at_;
            const auto line = take_line(text_, at_);
            if (line.starts_with("--"))
                delimiter_line(line, begin);
        }
        close_above(0, text_.size());
        while (!unclosed_.empty())
            leave(unclosed_.back(), text_.size());
        for (auto& entity : tree_.entities)
            tree_.defects |= entity.defects;
        return std::move(tree_);
    }

  private:
    struct Open {
        std::size_t entity;
        bool seen = false;  // one delimiter at least
    };
    struct Match {
        std::size_t level;  // in open_
        bool close;
    };

    std::optional<Match> find(std::string_view line) const {
        const auto content = without_trailing_white(line).substr(2);
        if (const auto found = levels_.find(content); found != levels_.end())
            return Match{found->second.back(), false};
        if (!content.ends_with("--"))
            return std::nullopt;
        const auto found = levels_.find(without_trailing_white(content.substr(0, content.size() - 2)));
        return found == levels_.end() ? std::nullopt : std::optional<Match>(Match{found->second.back(), true});
    }

    void delimiter_line(std::string_view line, std::size_t begin) {
        auto match = find(line);
        if (!match) {
            note_almost(line);
            return;
        }
        const auto content_end = end_before(begin);
        if (is_white(line.back()))
            tree_.entities[open_[match->level].entity].defects |= bit(Defect::kUnusualBody);
        close_above(match->level + 1, content_end);
        auto& open = open_[match->level];
        auto& multipart = tree_.entities[open.entity];
        leave_children(open.entity, content_end);
        open.seen = true;
        if (match->close) {
            multipart.close = {begin, at_};
            closed_.insert_or_assign(multipart.boundary, open.entity);
            drop_level(false);
        } else if (tree_.entities.size() >= limits_.entities) {
            tree_.too_many_entities = true;
        } else {
            multipart.leaf = false;
            open_entity(open.entity, multipart.depth + 1, {begin, at_});
        }
    }

    // A delimiter's line end before it belongs to it (RFC 2046 section 5.1.1).
    std::size_t end_before(std::size_t begin) const {
        if (begin > 0 && text_[begin - 1] == '\n')
            --begin;
        if (begin > 0 && text_[begin - 1] == '\r')
            --begin;
        return begin;
    }

    // A line that only another reader takes for a delimiter.
    void note_almost(std::string_view line) {
        if (const auto after = closed_.find(without_trailing_white(line).substr(2)); after != closed_.end())
            tree_.entities[after->second].defects |= bit(Defect::kPartAfterClose);
        if (open_.empty())
            return;
        auto& entity = tree_.entities[open_.back().entity];
        if (!entity.boundary.empty() && line.substr(2).starts_with(entity.boundary))
            entity.defects |= bit(Defect::kDelimiterLine);
    }

    void open_entity(std::size_t parent, std::uint32_t depth, Range delimiter) {
        const auto index = tree_.entities.size();
        Entity entity;
        entity.parent = parent;
        entity.depth = depth;
        entity.delimiter = delimiter;
        entity.header = read_header(text_, at_, limits_.header_fields,
                                    [this](std::string_view line) { return find(line).has_value(); });
        at_ = entity.header.body;
        entity.body = {at_, at_};
        const bool digest = index != 0 && tree_.entities[parent].type.word == "multipart/digest";
        read_fields(entity, digest ? "message/rfc822" : "text/plain");
        tree_.too_many_fields |= entity.header.too_many;
        tree_.too_many_parameters |= entity.type.too_many || entity.disposition.too_many;
        tree_.entities.push_back(std::move(entity));
        unclosed_.push_back(index);
        go_into(index);
    }

    void go_into(std::size_t index) {
        auto& entity = tree_.entities[index];
        const bool deeper = entity.depth < limits_.depth;
        const bool plain = entity.encoding == Encoding::kIdentity;
        if (entity.is_multipart() && !entity.boundary.empty()) {
            if (!deeper) {
                tree_.too_deep = true;
                return;
            }
            for (const auto& open : open_) {
                const std::string_view other = tree_.entities[open.entity].boundary;
                if (other.starts_with(entity.boundary) || std::string_view(entity.boundary).starts_with(other))
                    entity.defects |= bit(Defect::kBoundaryNested);
            }
            levels_[entity.boundary].push_back(open_.size());
            open_.push_back({index});
        } else if (is_message_type(entity.type.word) && plain && at_ < text_.size()) {
            if (!deeper) {
                tree_.too_deep = true;
            } else if (tree_.entities.size() >= limits_.entities) {
                tree_.too_many_entities = true;
            } else {
                entity.leaf = false;
                open_entity(index, entity.depth + 1, {});
            }
        }
    }

    void read_fields(Entity& entity, std::string_view default_type) {
        entity.defects = entity.header.defects;
        if (const auto* field = find_field(entity.header, text_, "Content-Type")) {
            entity.type = parse_value(unfold(field->value.of(text_)), limits_.header_parameters);
            entity.defects |= entity.type.defects;
            if (const auto slash = entity.type.word.find('/');
                slash == std::string::npos || slash == 0 || slash + 1 >= entity.type.word.size() ||
                entity.type.word.find_first_of(" \t\\\"=,", 0) != std::string::npos)
                entity.defects |= bit(Defect::kTypeSyntax);
        }
        if (entity.type.word.empty())
            entity.type.word = default_type;
        if (const auto* field = find_field(entity.header, text_, "Content-Disposition")) {
            entity.disposition = parse_value(unfold(field->value.of(text_)), limits_.header_parameters);
            entity.defects |= entity.disposition.defects;
            if (!plain_parameter(entity.disposition, "boundary").empty())
                entity.defects |= bit(Defect::kBoundaryParameter);
        }
        read_encoding(entity);
        for (const auto& field : entity.header.fields) {
            const auto name = field.name.of(text_);
            const bool counts =
                equal_ignoring_case(name, "Content-Type") || equal_ignoring_case(name, "Content-Transfer-Encoding");
            if (counts && !is_usual(field.value.of(text_)))
                entity.defects |= bit(Defect::kUnusualField);
        }
        const auto many = [&](std::string_view name, Defect defect) {
            entity.defects |= count_fields(entity.header, text_, name) > 1 ? bit(defect) : 0;
        };
        many("Content-Type", Defect::kManyTypes);
        many("Content-Transfer-Encoding", Defect::kManyEncodings);
        many("Content-Disposition", Defect::kManyDispositions);
        read_boundary(entity);
        if (entity.type.word == "message/partial")
            entity.defects |= bit(Defect::kPartialMessage);
        if (entity.type.word == "message/external-body")
            entity.defects |= bit(Defect::kExternalBody);
    }

    void read_encoding(Entity& entity) {
        const auto* field = find_field(entity.header, text_, "Content-Transfer-Encoding");
        if (field == nullptr)
            return;
        const auto raw = unfold(field->value.of(text_));
        auto word = parse_value(raw, 1).word;
        entity.encoding = encoding_named(word);
        if (!equal_ignoring_case(trim(raw), word) || word.find_first_of(" \t\"\\") != std::string::npos)
            entity.defects |= bit(Defect::kEncodingSyntax);
        if (entity.encoding == Encoding::kUnknown)
            entity.defects |= bit(Defect::kEncodingUnknown);
        if (entity.encoding >= Encoding::kUuencode && entity.encoding < Encoding::kUnknown)
            entity.defects |= bit(Defect::kEncodingOld);
        const bool composite = entity.is_multipart() || is_message_type(entity.type.word);
        if (composite && entity.encoding != Encoding::kIdentity)
            entity.defects |= bit(Defect::kCompositeEncoded);
    }

    static void read_boundary(Entity& entity) {
        auto boundary = plain_parameter(entity.type, "boundary");
        if (!entity.is_multipart()) {
            entity.defects |= boundary.empty() ? 0 : bit(Defect::kBoundaryParameter);
            return;
        }
        if (trim(boundary).empty()) {
            entity.defects |= bit(Defect::kNoBoundary);
            return;
        }
        entity.defects |= judge_boundary(boundary);
        entity.boundary = without_trailing_white(boundary);
    }

    // What is open inside `parent` ends here.
    void leave_children(std::size_t parent, std::size_t end) {
        while (!unclosed_.empty() && unclosed_.back() != parent)
            leave(unclosed_.back(), end);
    }

    void leave(std::size_t index, std::size_t end) {
        auto& entity = tree_.entities[index];
        // A header that its delimiter cut off has its body behind itself.
        entity.body.end = std::max(entity.body.begin, end);
        if (!unclosed_.empty() && unclosed_.back() == index)
            unclosed_.pop_back();
    }

    // Multiparts from `level` on end without a close delimiter.
    void close_above(std::size_t level, std::size_t end) {
        while (open_.size() > level) {
            leave_children(open_.back().entity, end);
            drop_level(true);
        }
    }

    void drop_level(bool unclosed) {
        const auto& open = open_.back();
        auto& entity = tree_.entities[open.entity];
        if (!open.seen)
            entity.defects |= bit(Defect::kBoundaryUnseen);
        else if (unclosed)
            entity.defects |= bit(Defect::kNoCloseDelimiter);
        const auto found = levels_.find(entity.boundary);
        found->second.pop_back();
        if (found->second.empty())
            levels_.erase(found);
        open_.pop_back();
    }

    std::string_view text_;
    const TreeLimits& limits_;
    Tree tree_;
    std::size_t at_ = 0;
    std::vector<Open> open_;
    std::vector<std::size_t> unclosed_;  // entities whose body goes on
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <typename T>
    using ByBoundary = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
    ByBoundary<std::vector<std::size_t>> levels_;  // in open_
    ByBoundary<std::size_t> closed_;               // entities
};

}  // namespace

Encoding encoding_named(std::string_view word) {
    struct Name {
        std::string_view word;
        Encoding encoding;
    };
    static constexpr Name kNames[] = {
        {"", Encoding::kIdentity},           {"7bit", Encoding::kIdentity},
        {"8bit", Encoding::kIdentity},       {"binary", Encoding::kIdentity},
        {"7-bit", Encoding::kIdentity},      {"8-bit", Encoding::kIdentity},
        {"base64", Encoding::kBase64},       {"quoted-printable", Encoding::kQuotedPrintable},
        {"x-uuencode", Encoding::kUuencode}, {"uuencode", Encoding::kUuencode},
        {"x-uue", Encoding::kUuencode},      {"uue", Encoding::kUuencode},
        {"x-uu", Encoding::kUuencode},       {"yenc", Encoding::kYenc},
        {"x-yenc", Encoding::kYenc},         {"x-yencode", Encoding::kYenc},
        {"binhex", Encoding::kBinhex},       {"x-binhex", Encoding::kBinhex},
        {"mac-binhex", Encoding::kBinhex},   {"mac-binhex40", Encoding::kBinhex}};
    const auto* found =
        std::find_if(std::begin(kNames), std::end(kNames), [word](const Name& name) { return name.word == word; });
    return found == std::end(kNames) ? Encoding::kUnknown : found->encoding;
}

bool is_message_type(std::string_view type) {
    return type == "message/rfc822" || type == "message/global" || type == "message/news";
}

Tree parse(std::string_view text, const TreeLimits& limits) {
    return Parser(text, limits).run();
}

}  // namespace mail::mime
