#include "scanners/attachment/pdf_text.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "scanners/attachment/pdf_content.hpp"
#include "scanners/attachment/pdf_font.hpp"
#include "scanners/attachment/pdf_value.hpp"
#include "scanners/attachment/xml.hpp"

namespace scanners::attachment {
namespace {

using ValueKind = PdfValue::Kind;

constexpr std::size_t kMaxFonts = 2000;      // that are read
constexpr std::size_t kMaxParents = 32;      // of a page, that may have its fonts
constexpr std::size_t kMaxContents = 10000;  // streams of one page
constexpr std::size_t kMaxReferences = 8;    // one behind the other

// Keys whose strings people read: notes, what forms were filled in with, what pictures show, what the document is
// called.
constexpr std::string_view kStrings[] = {"Contents", "V", "RC", "Alt", "Title", "Subject", "Keywords"};

// A stream with one of these is no text: fonts, pictures, functions, colours.
constexpr std::string_view kNoContent[] = {"Type", "Subtype",   "Length1",     "Length2",    "FunctionType",
                                           "N",    "Alternate", "ShadingType", "ColorSpace", "Width"};

class PdfText {
  public:
    PdfText(Opening& opening, std::size_t item, const PdfParts& parts, const PdfServices& services)
        : opening_(opening), item_(item), parts_(parts), services_(services) {
        sources_.value = [this](const PdfValue& value) { return resolved(value); };
        sources_.stream = [this](const PdfValue& value) { return stream(value); };
        for (const auto& object : parts.objects)
            places_[object.number] = object.octets;  // the last one counts, as a later version of the file has it
    }

    void run() {
        for (const auto& object : parts_.objects) {
            if (!goes_on())
                break;
            look_at(object);
        }
        for (const auto* form : forms_)
            if (goes_on())
                read({form->number}, resolved(read_pdf_value(form->octets), "Resources"));
        // What no page leads to, as far as anybody knows; it may still be one's text.
        for (const auto number : others_)
            if (goes_on())
                other(number);
        text_.give(opening_, item_);
    }

  private:
    [[nodiscard]] bool goes_on() const { return !text_.full() && services_.in_time(); }

    // What a reference leads to.
    PdfValue resolved(PdfValue value) {
        for (std::size_t i = 0; i < kMaxReferences && value.kind == ValueKind::kReference; ++i) {
            const auto place = places_.find(value.reference().value_or(0));
            if (place == places_.end() || !services_.in_time())
                return {};
            value = read_pdf_value(place->second);
        }
        return value.kind == ValueKind::kReference ? PdfValue{} : std::move(value);
    }
    PdfValue resolved(const PdfValue& dictionary, std::string_view name) {
        const auto* value = dictionary.find(name);
        return value != nullptr ? resolved(*value) : PdfValue{};
    }

    std::string stream(const PdfValue& value) {
        const auto number = value.reference();
        if (!number)
            return {};
        done_.insert(*number);
        return services_.stream(*number);
    }

    void look_at(const PdfParts::Object& object) {
        const auto value = read_pdf_value(object.octets);
        if (value.kind != ValueKind::kDictionary)
            return;
        strings(object, value);
        const auto is = [&value](std::string_view key, std::string_view name) {
            const auto* found = value.find(key);
            return found != nullptr && found->is(name);
        };
        if (is("Type", "Page") || (value.find("Type") == nullptr && leads_to_contents(value)))
            page(value);
        else if (is("Subtype", "Form") || value.find("PatternType") != nullptr)
            forms_.push_back(&object);
        else if (!object.packed && value.find("Length") != nullptr && !is_no_content(value))
            others_.push_back(object.number);
    }

    static bool leads_to_contents(const PdfValue& dictionary) {
        const auto* contents = dictionary.find("Contents");
        return contents != nullptr && (contents->kind == ValueKind::kReference || contents->kind == ValueKind::kArray);
    }

    static bool is_no_content(const PdfValue& dictionary) {
        return std::any_of(std::begin(kNoContent), std::end(kNoContent),
                           [&](std::string_view key) { return dictionary.find(key) != nullptr; });
    }

    // Of a dictionary and those in it: a form's field may stand anywhere.
    void strings(const PdfParts::Object& object, const PdfValue& value) {
        if (value.find("ByteRange") != nullptr)
            return;  // a signature, whose "Contents" are octets
        for (std::size_t i = 0; i + 1 < value.items.size() && value.kind == ValueKind::kDictionary; i += 2) {
            const auto& inner = value.items[i + 1];
            const bool wanted =
                std::find(std::begin(kStrings), std::end(kStrings), value.items[i].text) != std::end(kStrings);
            if (inner.kind == ValueKind::kString && wanted) {
                text_.add(std::string_view(
                    pdf_text_string(object.packed ? inner.text : services_.decrypted(object, inner.text))));
                text_.end_line();
            } else if (inner.kind == ValueKind::kDictionary) {
                strings(object, inner);
            }
        }
    }

    void page(const PdfValue& page) {
        std::vector<std::uint64_t> contents;
        const auto* told = page.find("Contents");
        if (told == nullptr)
            return;
        // A list may be an object of its own.
        const auto list = told->kind == ValueKind::kReference ? resolved(*told) : *told;
        if (list.kind != ValueKind::kArray)
            contents.push_back(told->reference().value_or(0));
        for (const auto& one : list.items) {
            if (list.kind == ValueKind::kArray && contents.size() < kMaxContents)
                contents.push_back(one.reference().value_or(0));
        }
        read(contents, resources_of(page));
    }

    // A page may have them from the group of pages that it is in.
    PdfValue resources_of(const PdfValue& page) {
        auto resources = resolved(page, "Resources");
        auto parent = resolved(page, "Parent");
        for (std::size_t i = 0; i < kMaxParents && resources.kind == ValueKind::kNull; ++i) {
            resources = resolved(parent, "Resources");
            parent = resolved(parent, "Parent");
        }
        return resources;
    }

    // What a form of XML ("XFA") was filled in with, or a content.
    void other(std::uint64_t number) {
        if (done_.contains(number))
            return;
        const auto octets = services_.stream(number);
        done_.insert(number);
        if (!octets.starts_with('<') || octets.starts_with("<<"))
            return read_content(octets, PdfValue{});
        text_.add(std::string_view(xml_text(octets)));
        text_.end_line();
    }

    // Each stream once, or a few that many pages share would cost as much as many.
    void read(const std::vector<std::uint64_t>& contents, const PdfValue& resources) {
        std::string octets;
        for (const auto number : contents) {
            if (!done_.insert(number).second || !services_.in_time())
                continue;
            octets += services_.stream(number);
            octets += '\n';
        }
        read_content(octets, resources);
    }

    void read_content(const std::string& octets, const PdfValue& resources) {
        if (octets.find('(') == std::string::npos && octets.find('<') == std::string::npos)
            return;
        const auto fonts = resolved(resources, "Font");
        read_pdf_content(
            octets, [this, &fonts](const std::string& name) -> const PdfFont& { return font(fonts, name); },
            services_.in_time, text_);
    }

    const PdfFont& font(const PdfValue& fonts, const std::string& name) {
        const auto* value = fonts.find(name);
        if (value == nullptr || loaded_.size() >= kMaxFonts)
            return value != nullptr ? unknown_ : by_name(name);
        // Those without a number are told apart by their name: pages that have such ones name them alike.
        const auto number = value->reference();
        const auto key = number ? "#" + std::to_string(*number) : name;
        auto& font = loaded_[key];
        if (font == nullptr)
            font = std::make_unique<PdfFont>(resolved(*value), sources_);
        by_name_[name] = font.get();
        return *font;
    }

    // What another page calls so.
    const PdfFont& by_name(const std::string& name) {
        const auto found = by_name_.find(name);
        return found != by_name_.end() ? *found->second : unknown_;
    }

    Opening& opening_;
    std::size_t item_;
    const PdfParts& parts_;
    const PdfServices& services_;
    PdfSources sources_;
    CollectedText text_;
    std::unordered_map<std::uint64_t, std::string_view> places_;  // of objects
    std::set<std::uint64_t> done_;                                // streams
    std::vector<const PdfParts::Object*> forms_;
    std::vector<std::uint64_t> others_;
    std::map<std::string, std::unique_ptr<PdfFont>> loaded_;
    std::map<std::string, const PdfFont*> by_name_;
    const PdfFont unknown_;
};

}  // namespace

// Pairs of number and place come first, then the objects (section 7.5.7).
void PdfParts::add_packed(std::string_view octets, std::uint64_t first) {
    const auto head = octets.substr(0, first);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> found;  // place, number
    std::uint64_t numbers[2] = {0, 0};
    std::size_t count = 0;
    for (std::size_t at = 0; at < head.size();) {
        if (head[at] < '0' || head[at] > '9') {
            ++at;
            continue;
        }
        std::uint64_t value = 0;
        for (; at < head.size() && head[at] >= '0' && head[at] <= '9'; ++at)
            value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(head[at] - '0'), 1ULL << 40);
        numbers[count++ % 2] = value;
        if (count % 2 == 0 && first + numbers[1] < octets.size())
            found.emplace_back(first + numbers[1], numbers[0]);
    }
    std::sort(found.begin(), found.end());
    // One object at each place, up to the next one: what lies over each other costs no more than the stream.
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (i > 0 && found[i].first == found[i - 1].first)
            continue;
        const auto next = std::find_if(found.begin() + static_cast<std::ptrdiff_t>(i), found.end(),
                                       [&](const auto& other) { return other.first > found[i].first; });
        const auto end = next != found.end() ? next->first : octets.size();
        objects.push_back({found[i].second, 0, octets.substr(found[i].first, end - found[i].first), true});
    }
}

void pdf_text(Opening& opening, std::size_t item, const PdfParts& parts, const PdfServices& services) {
    PdfText(opening, item, parts, services).run();
}

}  // namespace scanners::attachment
