#include "policy/writing.hpp"

#include <algorithm>
#include <array>

namespace policy {
namespace {

constexpr std::array<std::string_view, kWritings> kNames = {"latin",    "cyrillic", "greek",  "arabic", "hebrew",
                                                            "han",      "kana",     "hangul", "thai",   "devanagari",
                                                            "armenian", "georgian", "other"};

// Of two letters and a blank each: those of libexttextcat that have such a code.
constexpr std::string_view kLanguages =
    "ab af ak am ar ay az be bg bi bm bn bo br bs ca cs cy da de dv ee el en eo es et eu fa fi fj fo fr "
    "fy ga gd gl gu gv ha he hi hr ht hu hy ia id is it ja ka kk kl km kn ko ky la lb lg ln lo lt lv mi "
    "mk ml mn mr ms mt my nb ne nl nn nr ny oc om pa pl pt rm ro ru rw sa sc sd se sg sh si sk sl so sq "
    "sr ss st sv sw ta tg th ti tk tl tn tr ts tt ty ug uk ur uz ve vi wa xh yi yo zh zu ";

}  // namespace

std::string_view to_string(Writing writing) {
    return kNames[static_cast<std::size_t>(writing)];
}

std::optional<Writing> writing_of(std::string_view name) {
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end())
        return std::nullopt;
    return static_cast<Writing>(found - kNames.begin());
}

bool is_language(std::string_view code) {
    if (code.size() != 2)
        return false;
    for (auto rest = kLanguages; !rest.empty(); rest.remove_prefix(3))
        if (rest.starts_with(code))
            return true;
    return false;
}

}  // namespace policy
