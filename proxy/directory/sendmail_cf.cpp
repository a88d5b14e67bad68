#include "directory/sendmail_cf.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "config/spelling.hpp"
#include "mail/text.hpp"

namespace directory {

using config::lower;
namespace {

using mail::equal_ignoring_case;
using mail::trim;

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
        if (end > 0)
            found.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return found;
}

// "w", "{VirtHost}": takes the name from the front of `text`.
std::string take_name(std::string_view& text) {
    if (text.empty())
        return {};
    const auto end = text.front() == '{' ? text.find('}') : 0;
    if (end == std::string_view::npos)
        return {};
    const auto name = text.front() == '{' ? text.substr(1, end - 1) : text.substr(0, 1);
    text.remove_prefix(end + 1);
    return std::string(name);
}

class Reader {
  public:
    explicit Reader(std::string_view host_name) {
        const auto dot = std::min(host_name.find('.'), host_name.size());
        macros_["w"] = host_name.substr(0, dot);
        macros_["m"] = host_name.substr(std::min(dot + 1, host_name.size()));
        macros_["j"] = dot == host_name.size() ? "$w" : "$w.$m";
        cf_.machine = {"localhost", lower(host_name), lower(host_name.substr(0, dot))};
        cf_.local.words = cf_.machine;
    }

    base::Result<SendmailCf> read(std::string_view text) {
        if (text.size() > SendmailCf::kMaxSize)
            return base::error("larger than {} octets", SendmailCf::kMaxSize);
        std::string line;
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            auto next = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            if (!next.empty() && next.back() == '\r')
                next.remove_suffix(1);
            if (!next.empty() && (next.front() == ' ' || next.front() == '\t')) {
                line += '\n';
                line += next;
                continue;
            }
            take(line);
            line = next;
        }
        take(line);
        return finish();
    }

  private:
    void take(std::string_view line) {
        if (line.size() < 2)
            return;
        auto rest = line.substr(1);
        switch (line.front()) {
            case 'D':
                return define(rest);
            case 'C':
                return add_words(rest);
            case 'F':
                return add_file(rest);
            case 'K':
                return add_map(rest);
            case 'O':
                return set_option(rest);
            case 'M':
                return add_mailer(rest);
            case 'S':
                ruleset_ = lower(trim(rest.substr(0, std::min(rest.find_first_of("=\t #"), rest.size()))));
                rulesets_.insert(ruleset_);
                return;
            case 'R':
                return look_at_rule(rest);
            default:
                return;
        }
    }

    void define(std::string_view rest) {
        auto name = take_name(rest);
        macros_[std::move(name)] = trim(rest);
    }

    // Simple macros only: what a condition would give is not needed in the names that we look for.
    std::string expand(std::string_view text, int depth = 0) const {
        std::string result;
        while (!text.empty()) {
            if (text.front() != '$' || text.size() < 2 || depth > 10) {
                result += text.front();
                text.remove_prefix(1);
                continue;
            }
            text.remove_prefix(1);
            const auto name = take_name(text);
            if (const auto found = macros_.find(name); found != macros_.end())
                result += expand(found->second, depth + 1);
        }
        return result;
    }

    ClassDeclaration* class_named(std::string_view name) {
        return name == "w" ? &cf_.local : name == "VirtHost" ? &cf_.virtuals : name == "R" ? &cf_.relayed : nullptr;
    }

    // Expanded at the end: a macro may be defined further down.
    void add_words(std::string_view rest) {
        const auto name = take_name(rest);
        if (name == "LDAPRoute")
            open("LDAP routing");
        if (class_named(name) != nullptr)
            class_words_.emplace_back(name, std::string(rest));
    }

    void add_file(std::string_view rest) {
        const auto name = take_name(rest);
        if (name == "LDAPRoute")
            open("LDAP routing");
        auto* const target = class_named(name);
        if (target == nullptr)
            return;
        rest = trim(rest);
        ClassDeclaration::File file;
        if (rest.starts_with("-o")) {
            file.optional = true;
            rest = trim(rest.substr(2));
        }
        // From a program or a map: such names are none to us, and nothing is said about them.
        if (rest.empty() || rest.front() != '/')
            return;
        const auto blank = std::min(rest.find_first_of(" \t"), rest.size());
        file.path = rest.substr(0, blank);
        const auto format = trim(rest.substr(blank));
        if (format.starts_with("%[^") && format.ends_with("]")) {
            file.first_word = false;
            for (const char c : format.substr(3, format.size() - 4))
                if (c != '\\')
                    file.stop += c;
        } else if (!format.empty() && format != "%s") {
            return;
        }
        target->files.push_back(std::move(file));
    }

    void add_map(std::string_view rest) {
        const auto found = words(rest);
        if (found.size() < 2)
            return;
        const auto name = found[0];
        const bool wanted = equal_ignoring_case(name, "virtuser") || equal_ignoring_case(name, "mailertable");
        if (!wanted)
            return;
        auto map = declaration(found[1], {found.begin() + 2, found.end()});
        if (!map)
            return open("map " + std::string(name) + " is of class " + std::string(found[1]));
        if (equal_ignoring_case(name, "virtuser"))
            cf_.virtusers = {std::move(*map)};
        else
            cf_.mailertable = {std::move(*map)};
    }

    static std::optional<MapDeclaration> declaration(std::string_view kind, const std::vector<std::string_view>& rest) {
        MapDeclaration map;
        if (equal_ignoring_case(kind, "hash") || equal_ignoring_case(kind, "btree"))
            map.kind = MapDeclaration::Kind::kDatabase;
        else if (equal_ignoring_case(kind, "text"))
            map.kind = MapDeclaration::Kind::kText;
        else if (equal_ignoring_case(kind, "implicit"))
            map.kind = MapDeclaration::Kind::kAliases;
        else
            return std::nullopt;
        for (const auto word : rest) {
            if (word.front() != '-') {
                map.path = word;
                continue;
            }
            const char flag = word.size() > 1 ? word[1] : '\0';
            const auto value = word.substr(std::min<std::size_t>(2, word.size()));
            if (flag == 'o')
                map.optional = true;
            else if (flag == 'f')
                map.fold = false;
            else if (flag == 'k' && column(value))
                map.key_column = *column(value);
            else if (flag == 'v' && column(value))
                map.value_column = *column(value);
            else if (flag == 'z' && !value.empty())
                map.delimiter = value == "\\t" ? '\t' : value.front();
            else if (std::string_view("NOaTtDmq").find(flag) == std::string_view::npos)
                return std::nullopt;  // it changes keys or values in a way that we do not know
        }
        if (map.path.empty() || map.path.front() != '/')
            return std::nullopt;
        return map;
    }

    static std::optional<unsigned> column(std::string_view text) {
        if (text.empty() || text.size() > 2 || text.find_first_not_of("0123456789") != std::string_view::npos)
            return std::nullopt;
        unsigned number = 0;
        for (const char c : text)
            number = number * 10 + static_cast<unsigned>(c - '0');
        return number;
    }

    // Long names only: "O AliasFile=...". Those of one letter are of Sendmail before 8.7.
    void set_option(std::string_view rest) {
        if (rest.empty() || rest.front() != ' ')
            return open("options with names of one letter");
        rest = trim(rest);
        const auto equals = rest.find('=');
        if (equals == std::string_view::npos)
            return;
        const auto name = trim(rest.substr(0, equals));
        const auto value = trim(rest.substr(equals + 1));
        const auto is = [&](std::string_view wanted) { return equal_ignoring_case(name, wanted); };
        if (is("AliasFile"))
            add_aliases(value);
        else if (is("MatchGECOS") && !value.empty() &&
                 std::string_view("tTyY").find(value.front()) != std::string_view::npos)
            open("MatchGECOS");
        else if (is("UserDatabaseSpec") && !value.empty())
            open("UserDatabaseSpec");
        else if (is("MailboxDatabase") && !value.empty() && !equal_ignoring_case(value, "pw"))
            open("MailboxDatabase");
    }

    void add_aliases(std::string_view value) {
        std::string item;
        bool quoted = false;
        const auto done = [&] {
            const auto text = std::string(trim(item));
            item.clear();
            if (text.empty())
                return;
            const auto colon = text.find(':');
            const bool named = colon != std::string::npos && colon < text.find('/') && text.find(' ') > colon;
            const auto parts = words(named ? std::string_view(text).substr(colon + 1) : std::string_view(text));
            auto map = declaration(named ? std::string_view(text).substr(0, colon) : "implicit", parts);
            if (map)
                cf_.aliases.push_back(std::move(*map));
            else
                open("aliases in " + text);
        };
        for (const char c : value) {
            if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
                done();
            else
                item += c;
        }
        done();
    }

    void add_mailer(std::string_view rest) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (!equal_ignoring_case(trim(rest.substr(0, comma)), "local"))
            return;
        has_local_ = true;
        std::string flags;
        for (auto fields = rest.substr(comma); !fields.empty();) {
            fields.remove_prefix(1);
            const auto end = std::min(fields.find(','), fields.size());
            const auto field = trim(fields.substr(0, end));
            fields.remove_prefix(end);
            if (field.size() > 2 && (field[0] == 'F' || field[0] == 'f'))
                if (const auto equals = field.find('='); equals != std::string_view::npos)
                    flags = field.substr(equals + 1);
        }
        cf_.users = flags.find('w') != std::string::npos;
        expands_ = flags.find('A') != std::string::npos;
        fifth_ = flags.find('5') != std::string::npos;
        if (!cf_.users)
            open("the local mailer does not ask the password file (no flag w)");
    }

    void look_at_rule(std::string_view rest) {
        if (ruleset_ == "local_rule0" || ruleset_ == "parselocal" || ruleset_ == "98" || ruleset_ == "local_localaddr")
            open("rules in rule set " + ruleset_);
        if (rest.find("$* $={VirtHost}") != std::string_view::npos && rest.find("virtuser") != std::string_view::npos)
            cf_.virtual_below = true;
        const auto tab = rest.find('\t');
        if (tab == std::string_view::npos || rest.substr(0, tab).find("$=w") == std::string_view::npos)
            return;
        const auto right = trim(rest.substr(tab));
        if (!right.starts_with("$#"))
            return;
        const auto mailer = lower(words(right.substr(2)).empty() ? "" : words(right.substr(2)).front());
        if (mailer != "local" && mailer != "error" && mailer != "usenet" && mailer != "discard")
            open("local addresses are delivered by mailer " + mailer);
    }

    void open(std::string why) {
        if (std::ranges::find(cf_.open, why) == cf_.open.end() && cf_.open.size() < 20)
            cf_.open.push_back(std::move(why));
    }

    base::Result<SendmailCf> finish() {
        if (!has_local_)
            return base::error("no mailer local: not a sendmail.cf");
        const bool ours = rulesets_.contains("parse0") && rulesets_.contains("parse1");
        if (!ours)
            open("not made from Sendmail's m4 files");
        for (const auto& [name, text] : class_words_) {
            const auto expanded = expand(text);
            for (const auto word : words(expanded))
                class_named(name)->words.insert(lower(word));
        }
        cf_.host = lower(expand("$j"));
        cf_.masquerade = lower(expand("$M"));
        cf_.machine.insert(cf_.host);
        cf_.local.words.insert(cf_.host);
        cf_.local.words.erase("");
        for (const auto* const macro : {"L", "H", "R"})
            if (fifth_ && !expand(std::string("$") + macro).empty())
                open(std::string("unknown names go elsewhere (D") + macro + ")");
        if (!expands_)
            cf_.aliases.clear();
        return std::move(cf_);
    }

    SendmailCf cf_;
    std::map<std::string, std::string, std::less<>> macros_;
    std::vector<std::pair<std::string, std::string>> class_words_;
    std::set<std::string> rulesets_;
    std::string ruleset_;
    bool has_local_ = false;
    bool expands_ = false;
    bool fifth_ = false;
};

}  // namespace

std::string home_domain(const SendmailCf& cf, const std::set<std::string>& local) {
    if (local.contains(cf.masquerade))
        return cf.masquerade;
    std::string only;
    for (const auto& name : local) {
        if (cf.machine.contains(name) || name.starts_with('['))
            continue;
        if (!only.empty())
            return cf.host;
        only = name;
    }
    return only.empty() ? cf.host : only;
}

base::Result<SendmailCf> parse_sendmail_cf(std::string_view text, std::string_view host_name) {
    return Reader(host_name).read(text);
}

}  // namespace directory
