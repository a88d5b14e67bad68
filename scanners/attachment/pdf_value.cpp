#include "scanners/attachment/pdf_value.hpp"

#include <utility>

#include "scanners/attachment/pdf_lexer.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

constexpr std::size_t kMaxNested = 64;
constexpr std::size_t kMaxValues = 1 << 17;

class ValueReader {
  public:
    explicit ValueReader(std::string_view octets) : lexer_(octets, PdfLexer::Of::kContent) {}

    PdfValue run() {
        PdfValue all;
        list(all, PdfToken::Kind::kEnd, 0, 1);
        return all.items.empty() ? PdfValue{} : std::move(all.items.front());
    }

  private:
    // Values up to `end`, or `most` of them.
    void list(PdfValue& into, PdfToken::Kind end, std::size_t depth, std::size_t most) {
        while (count_ < kMaxValues && into.items.size() < most) {
            auto token = lexer_.next();
            if (token.kind == PdfToken::Kind::kEnd || token.kind == end)
                return;
            if (token.kind == PdfToken::Kind::kKeyword && token.text == "R")
                refer(into.items);
            else if (token.kind == PdfToken::Kind::kKeyword && (token.text == "endobj" || token.text == "stream"))
                count_ = kMaxValues;  // whatever is still open
            else if (token.kind != PdfToken::Kind::kArrayEnd && token.kind != PdfToken::Kind::kDictEnd)
                into.items.push_back(value(token, depth));
        }
    }

    PdfValue value(PdfToken& token, std::size_t depth) {
        ++count_;
        PdfValue value;
        switch (token.kind) {
            case PdfToken::Kind::kNumber:
                value.kind = PdfValue::Kind::kNumber;
                value.number = token.value;
                break;
            case PdfToken::Kind::kName:
            case PdfToken::Kind::kString:
                value.kind = token.kind == PdfToken::Kind::kName ? PdfValue::Kind::kName : PdfValue::Kind::kString;
                value.text = std::move(token.text);
                break;
            case PdfToken::Kind::kArrayBegin:
            case PdfToken::Kind::kDictBegin: {
                const bool array = token.kind == PdfToken::Kind::kArrayBegin;
                value.kind = array ? PdfValue::Kind::kArray : PdfValue::Kind::kDictionary;
                if (depth < kMaxNested)
                    list(value, array ? PdfToken::Kind::kArrayEnd : PdfToken::Kind::kDictEnd, depth + 1, kMaxValues);
                else
                    count_ = kMaxValues;
                break;
            }
            default:
                break;
        }
        return value;
    }

    // The last two numbers were a reference.
    static void refer(std::vector<PdfValue>& items) {
        if (items.size() < 2)
            return;
        items.pop_back();
        items.back().kind =
            items.back().kind == PdfValue::Kind::kNumber ? PdfValue::Kind::kReference : PdfValue::Kind::kNull;
    }

    PdfLexer lexer_;
    std::size_t count_ = 0;
};

}  // namespace

const PdfValue* PdfValue::find(std::string_view name) const {
    if (kind != Kind::kDictionary)
        return nullptr;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i].is(name))
            return &items[i + 1];
    }
    return nullptr;
}

std::optional<std::uint64_t> PdfValue::reference() const {
    if (kind != Kind::kReference || number < 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(number);
}

std::string pdf_text_string(std::string_view raw) {
    if (raw.starts_with("\xfe\xff") || raw.starts_with("\xff\xfe"))
        return to_utf8(raw, "utf-16");
    if (raw.starts_with("\xef\xbb\xbf"))
        return to_utf8(raw.substr(3), "utf-8");
    return to_utf8(raw, "windows-1252");
}

PdfValue read_pdf_value(std::string_view octets) {
    return ValueReader(octets).run();
}

}  // namespace scanners::attachment
