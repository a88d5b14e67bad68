#include "mail/edit/shown_text.hpp"

#include <algorithm>

#include "mail/text.hpp"

namespace mail::edit {
namespace {

using mime::Entity;
using mime::Tree;

bool is_attachment(const Entity& entity) {
    const auto named = [](const mime::Value& value, std::string_view parameter) {
        return std::any_of(value.parameters.begin(), value.parameters.end(),
                           [parameter](const auto& one) { return one.name == parameter; });
    };
    return (!entity.disposition.word.empty() && entity.disposition.word != "inline") ||
           named(entity.disposition, "filename") || named(entity.type, "name");
}

class TextSearch {
  public:
    TextSearch(std::string_view text, const Tree& tree) : text_(text), tree_(tree), children_(tree.entities.size()) {
        for (std::size_t i = 1; i < tree.entities.size(); ++i)
            children_[tree.entities[i].parent].push_back(i);
    }

    ShownText run() {
        ShownText found;
        look(0, found);
        std::sort(found.entities.begin(), found.entities.end());
        return found;
    }

  private:
    // (As deep as the tree, which has a limit.)
    void look(std::size_t index, ShownText& found) const {
        const auto& one = tree_.entities[index];
        const auto& type = one.type.word;
        if (type == "multipart/signed" || type == "multipart/encrypted" || type == "application/pkcs7-mime" ||
            type == "application/x-pkcs7-mime" || type == "application/pgp-encrypted") {
            found.sealed = true;
        } else if (one.is_multipart()) {
            look_below(index, found);
        } else if (one.leaf && (type == "text/plain" || type == "text/html") && !is_attachment(one)) {
            found.entities.push_back(index);
        }
    }

    void look_below(std::size_t index, ShownText& found) const {
        const auto& children = children_[index];
        const auto& type = tree_.entities[index].type.word;
        if (type == "multipart/alternative") {
            for (const auto child : children)
                add_first_of_kind(child, found);
        } else if (type == "multipart/related") {
            if (!children.empty())
                look(root_of(index), found);
        } else {
            for (std::size_t i = 0; i < children.size() && found.entities.empty() && !found.sealed; ++i)
                look(children[i], found);
        }
    }

    void add_first_of_kind(std::size_t child, ShownText& found) const {
        ShownText more;
        look(child, more);
        found.sealed = found.sealed || more.sealed;
        for (const auto entity : more.entities) {
            const auto& type = tree_.entities[entity].type.word;
            if (std::none_of(found.entities.begin(), found.entities.end(),
                             [&](std::size_t other) { return tree_.entities[other].type.word == type; }))
                found.entities.push_back(entity);
        }
    }

    // RFC 2387 section 3.2: "start" names a Content-ID; without it, the first.
    std::size_t root_of(std::size_t related) const {
        const auto& children = children_[related];
        const auto start = mime::plain_parameter(tree_.entities[related].type, "start");
        for (const auto child : children) {
            const auto* id = mime::find_field(tree_.entities[child].header, text_, "Content-ID");
            if (!start.empty() && id != nullptr && trim(id->value.of(text_)) == trim(start))
                return child;
        }
        return children.front();
    }

    std::string_view text_;
    const Tree& tree_;
    std::vector<std::vector<std::size_t>> children_;
};

}  // namespace

ShownText find_shown_text(std::string_view text, const Tree& tree) {
    return TextSearch(text, tree).run();
}

bool has_inline_openpgp(std::string_view decoded) {
    constexpr std::string_view kBegin = "-----BEGIN PGP ";
    for (auto at = decoded.find(kBegin); at != std::string_view::npos; at = decoded.find(kBegin, at + 1)) {
        const auto rest = decoded.substr(at + kBegin.size());
        if (rest.starts_with("SIGNED MESSAGE-----") || rest.starts_with("MESSAGE-----"))
            return true;
    }
    return false;
}

}  // namespace mail::edit
