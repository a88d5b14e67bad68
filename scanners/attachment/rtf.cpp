#include "scanners/attachment/rtf.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "scanners/attachment/names.hpp"
#include "scanners/attachment/objects.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

constexpr std::size_t kMaxInstruction = 4096;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Value of a hexadecimal digit; -1: none.
int hex(char c) {
    if (is_digit(c))
        return c - '0';
    const char lowered = static_cast<char>(c | 0x20);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

class RtfReader {
  public:
    RtfReader(Opening& opening, std::size_t item, std::string_view octets)
        : opening_(opening), item_(item), octets_(octets) {}

    void run() {
        while (at_ < octets_.size() && !stopped_) {
            const char c = octets_[at_++];
            if (c == '\\')
                control();
            else if (c == '{')
                ++depth_;
            else if (c == '}')
                close();
            else
                text(c);
        }
        finish();
    }

  private:
    enum class Collects { kNothing, kObject, kInstruction, kTemplate };

    void control() {
        if (at_ >= octets_.size())
            return;
        if (!is_letter(octets_[at_])) {
            const char symbol = octets_[at_++];
            if (symbol == '*' && collects_ == Collects::kObject && depth_ > collected_at_ && skipped_at_ == 0)
                skipped_at_ = depth_;  // a group that only newer readers would read
            if (symbol == '\'')
                at_ = std::min(at_ + 2, octets_.size());
            return;
        }
        const auto begin = at_;
        while (at_ < octets_.size() && is_letter(octets_[at_]))
            ++at_;
        const auto word = lower(octets_.substr(begin, std::min<std::size_t>(at_ - begin, 32)));
        const auto number = parameter();
        if (at_ < octets_.size() && octets_[at_] == ' ')
            ++at_;
        on_word(word, number);
    }

    std::size_t parameter() {
        const bool negative = at_ < octets_.size() && octets_[at_] == '-';
        std::size_t number = 0;
        for (at_ += negative ? 1 : 0; at_ < octets_.size() && is_digit(octets_[at_]); ++at_)
            number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(octets_[at_] - '0'), 1U << 31);
        return negative ? 0 : number;
    }

    void on_word(std::string_view word, std::size_t number) {
        if (word == "objdata")
            collect(Collects::kObject);
        else if (word == "fldinst")
            collect(Collects::kInstruction);
        else if (word == "template")
            collect(Collects::kTemplate);
        else if (word == "objautlink" || word == "objlink")
            opening_.item(item_).set(Mark::kExternal);
        else if (word == "bin")
            binary(number);
    }

    void binary(std::size_t length) {
        const auto raw = octets_.substr(at_, length);
        if (collects_ == Collects::kObject && skipped_at_ == 0)
            keep(raw);
        at_ += raw.size();
    }

    void collect(Collects what) {
        finish();
        collects_ = what;
        collected_at_ = depth_;
        skipped_at_ = 0;
        half_ = -1;
    }

    void text(char c) {
        if (collects_ == Collects::kObject && skipped_at_ == 0)
            digit(c);
        else if (collects_ != Collects::kNothing && collects_ != Collects::kObject &&
                 collected_.size() < kMaxInstruction && c != '\r' && c != '\n')
            collected_.push_back(c);
    }

    void digit(char c) {
        const int value = hex(c);
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
    std::size_t at_ = 0;
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
}

}  // namespace scanners::attachment
