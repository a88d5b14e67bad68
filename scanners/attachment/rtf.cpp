#include "scanners/attachment/rtf.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/rtf_lexer.hpp"
#include "scanners/attachment/rtf_text.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;
using RtfKind = RtfToken::Kind;

constexpr std::size_t kMaxInstruction = 4096;

class RtfReader {
  public:
    RtfReader(Opening& opening, std::size_t item, std::string_view octets)
        : opening_(opening), item_(item), octets_(octets) {}

    void run() {
        RtfLexer lexer(octets_);
        for (auto token = lexer.next(); token.kind != RtfKind::kEnd && !stopped_; token = lexer.next())
            take(token);
        finish();
    }

  private:
    enum class Collects { kNothing, kObject, kInstruction, kTemplate };

    void take(const RtfToken& token) {
        switch (token.kind) {
            case RtfKind::kOpen:
                ++depth_;
                break;
            case RtfKind::kClose:
                close();
                break;
            case RtfKind::kWord:
                on_word(token.word);
                break;
            case RtfKind::kSymbol:
                if (token.symbol == '*' && collects_ == Collects::kObject && depth_ > collected_at_ && skipped_at_ == 0)
                    skipped_at_ = depth_;  // a group that only newer readers would read
                break;
            case RtfKind::kText:
                text(token.text);
                break;
            case RtfKind::kBinary:
                if (collects_ == Collects::kObject && skipped_at_ == 0)
                    keep(token.text);
                break;
            case RtfKind::kOctet:
            case RtfKind::kEnd:
                break;
        }
    }

    void on_word(std::string_view word) {
        if (word == "objdata")
            collect(Collects::kObject);
        else if (word == "fldinst")
            collect(Collects::kInstruction);
        else if (word == "template")
            collect(Collects::kTemplate);
        else if (word == "objautlink" || word == "objlink")
            opening_.item(item_).set(Mark::kExternal);
    }

    void collect(Collects what) {
        finish();
        collects_ = what;
        collected_at_ = depth_;
        skipped_at_ = 0;
        half_ = -1;
    }

    void text(std::string_view octets) {
        if (collects_ == Collects::kNothing || (collects_ == Collects::kObject && skipped_at_ != 0))
            return;
        for (const char c : octets) {
            if (collects_ == Collects::kObject)
                digit(c);
            else if (collected_.size() < kMaxInstruction && c != '\r' && c != '\n')
                collected_.push_back(c);
        }
    }

    void digit(char c) {
        const int value = hex_digit(c);
        if (value < 0)
            return;
        if (half_ < 0) {
            half_ = value;
            return;
        }
        const char octet = static_cast<char>(half_ * 16 + value);
        half_ = -1;
        keep({&octet, 1});
    }

    // Digits become half as many octets: no ratio to speak of, but they count.
    void keep(std::string_view octets) {
        collected_ += octets;
        uncounted_ += octets.size();
        if (uncounted_ < (64 << 10))
            return;
        stopped_ = !opening_.expand(item_, uncounted_, octets_.size()) || !opening_.in_time(item_);
        uncounted_ = 0;
    }

    void close() {
        if (depth_ == skipped_at_)
            skipped_at_ = 0;
        if (collects_ != Collects::kNothing && depth_ <= collected_at_)
            finish();
        depth_ -= depth_ > 0 ? 1 : 0;
    }

    void finish() {
        const auto what = std::exchange(collects_, Collects::kNothing);
        const std::string collected = std::exchange(collected_, {});
        if (what == Collects::kObject && !collected.empty())
            open_ole1(opening_, item_, collected);
        const bool loads = (what == Collects::kInstruction && is_external_field(collected)) ||
                           (what == Collects::kTemplate && (collected.find("://") != std::string::npos ||
                                                            collected.find("\\\\") != std::string::npos));
        if (loads)
            opening_.item(item_).set(Mark::kExternal);
    }

    Opening& opening_;
    std::size_t item_;
    std::string_view octets_;
    std::size_t depth_ = 0;
    Collects collects_ = Collects::kNothing;
    std::size_t collected_at_ = 0;  // depth of the group that is collected
    std::size_t skipped_at_ = 0;    // depth of a group in it that is not; 0: none
    std::string collected_;
    std::size_t uncounted_ = 0;
    int half_ = -1;  // first digit of an octet
    bool stopped_ = false;
};

}  // namespace

void open_rtf(Opening& opening, std::size_t item, std::string_view octets) {
    RtfReader(opening, item, octets).run();
    if (opening.want_attachment_text())
        rtf_text(opening, item, octets);
}

}  // namespace scanners::attachment
