// Characters stand there as octets in the code page of the file or of the font, as escaped octets, or as numbers of
// UTF-16 with a substitute for old readers behind them, which is skipped.
#include "scanners/attachment/rtf_text.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scanners/attachment/collected_text.hpp"
#include "scanners/attachment/rtf_lexer.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

using RtfKind = RtfToken::Kind;

// Groups in groups that are told apart; Word itself gives up earlier.
constexpr std::size_t kMaxGroups = 1000;
constexpr std::size_t kMaxFontTable = 4096;

constexpr int kSystemPage = 0;  // the code page of the file

struct Name {
    std::string_view word;
    std::string_view text;
};
constexpr Name kCharacters[] = {
    {"par", "\n"},
    {"line", "\n"},
    {"sect", "\n"},
    {"page", "\n"},
    {"column", "\n"},
    {"softline", "\n"},
    {"row", "\n"},
    {"nestrow", "\n"},
    {"tab", "\t"},
    {"cell", "\t"},
    {"nestcell", "\t"},
    {"emdash", "\xe2\x80\x94"},
    {"endash", "\xe2\x80\x93"},
    {"emspace", " "},
    {"enspace", " "},
    {"qmspace", " "},
    {"bullet", "\xe2\x80\xa2"},
    {"lquote", "\xe2\x80\x98"},
    {"rquote", "\xe2\x80\x99"},
    {"ldblquote", "\xe2\x80\x9c"},
    {"rdblquote", "\xe2\x80\x9d"},
};

// Groups whose text nobody reads: tables, pictures, names, fields' instructions.
constexpr std::string_view kHidden[] = {"colortbl",
                                        "stylesheet",
                                        "listtable",
                                        "listoverridetable",
                                        "info",
                                        "pict",
                                        "objdata",
                                        "objclass",
                                        "objname",
                                        "filetbl",
                                        "revtbl",
                                        "rsidtbl",
                                        "themedata",
                                        "colorschememapping",
                                        "latentstyles",
                                        "datastore",
                                        "sp",
                                        "fldinst",
                                        "template",
                                        "generator",
                                        "bkmkstart",
                                        "bkmkend",
                                        "xmlnstbl",
                                        "userprops",
                                        "wgrffmtfilter",
                                        "mmathpr",
                                        "pgdsctbl",
                                        "listpicture",
                                        "datafield",
                                        "ftnsep",
                                        "ftnsepc",
                                        "aftnsep",
                                        "aftnsepc"};

// Groups that only newer readers read ("\*"), and that hold what people see.
constexpr std::string_view kNewerShown[] = {"shpinst", "shptxt", "annotation", "ud", "shppict", "footnote"};

template <std::size_t Count>
bool is_among(const std::string_view (&words)[Count], std::string_view word) {
    return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Windows' number of a code page, by its number of a font's character set.
int page_of_charset(std::int64_t charset) {
    constexpr std::pair<int, int> kPages[] = {{0, 1252},   {77, 10000}, {128, 932},  {129, 949},  {130, 1361},
                                              {134, 936},  {136, 950},  {161, 1253}, {162, 1254}, {163, 1258},
                                              {177, 1255}, {178, 1256}, {186, 1257}, {204, 1251}, {222, 874},
                                              {238, 1250}, {254, 437},  {255, 850}};
    const auto* found = std::find_if(std::begin(kPages), std::end(kPages),
                                     [charset](const auto& page) { return page.first == charset; });
    return found != std::end(kPages) ? found->second : kSystemPage;
}

bool is_ascii(std::string_view octets) {
    return std::all_of(octets.begin(), octets.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class RtfText {
  public:
    RtfText(Opening& opening, std::size_t item, std::string_view octets)
        : opening_(opening), item_(item), octets_(octets) {}

    void run() {
        RtfLexer lexer(octets_);
        std::size_t count = 0;
        for (auto token = lexer.next(); token.kind != RtfKind::kEnd && !text_.full(); token = lexer.next()) {
            if ((++count & 0xFFF) == 0 && !opening_.in_time(item_))
                break;
            take(token);
        }
        flush();
        text_.give(opening_, item_);
    }

  private:
    struct Group {
        bool hidden = false;
        bool fonts = false;          // the table of fonts
        bool newer = false;          // "\*" stands at its start, what kind it is not yet known
        bool begins = true;          // nothing but "\*" was in it
        std::size_t substitute = 1;  // characters behind a number
        int page = kSystemPage;
    };

    void take(const RtfToken& token) {
        if (skip_ > 0 && token.kind != RtfKind::kText && token.kind != RtfKind::kOpen &&
            token.kind != RtfKind::kClose) {
            --skip_;  // whatever it is, it counts as one character
            return;
        }
        switch (token.kind) {
            case RtfKind::kOpen:
                open();
                break;
            case RtfKind::kClose:
                close();
                break;
            case RtfKind::kWord:
                word(token);
                break;
            case RtfKind::kSymbol:
                symbol(token.symbol);
                break;
            case RtfKind::kOctet:
                octets({&token.symbol, 1});
                break;
            case RtfKind::kText:
                plain(token.text);
                break;
            case RtfKind::kBinary:
            case RtfKind::kEnd:
                break;
        }
    }

    void open() {
        skip_ = 0;
        if (groups_.size() >= kMaxGroups) {
            ++deeper_;
            return;
        }
        auto inner = groups_.back();
        inner.begins = true;
        inner.newer = false;
        groups_.push_back(inner);
    }

    void close() {
        skip_ = 0;
        if (deeper_ > 0) {
            --deeper_;
        } else if (groups_.size() > 1) {
            const bool fonts = groups_.back().fonts;
            groups_.pop_back();
            // The table comes before the text that is written in its first font.
            if (fonts && !groups_.back().fonts)
                top().page = page_of_font(default_font_);
        }
    }

    Group& top() { return groups_.back(); }

    void word(const RtfToken& token) {
        const bool newer = std::exchange(top().newer, false);
        top().begins = false;
        const std::string_view word = token.word;
        const auto number = token.number.value_or(0);
        if (word == "fonttbl")
            top().fonts = true;
        if (is_among(kHidden, word) || (newer && !is_among(kNewerShown, word)))
            top().hidden = true;
        if (word == "ansicpg")
            system_page_ = static_cast<int>(std::clamp<std::int64_t>(number, 0, 99999));
        else if (word == "mac")
            system_page_ = 10000;
        else if (word == "pc")
            system_page_ = 437;
        else if (word == "pca")
            system_page_ = 850;
        else if (word == "uc")
            top().substitute = static_cast<std::size_t>(std::clamp<std::int64_t>(number, 0, 255));
        else if (word == "deff")
            default_font_ = number;
        else if (word == "plain")
            top().page = page_of_font(default_font_);
        else if (word == "f")
            font(number);
        else if (word == "fcharset" && top().fonts)
            keep_page(page_of_charset(number));
        else if (word == "cpg" && top().fonts)
            keep_page(static_cast<int>(std::clamp<std::int64_t>(number, 0, 99999)));
        else if (!shown())
            return;
        else if (word == "u" && token.number)
            unit(number);
        else
            named(word);
    }

    void font(std::int64_t number) {
        if (top().fonts)
            described_ = number;
        else
            top().page = page_of_font(number);
    }

    void keep_page(int page) {
        if (pages_.size() < kMaxFontTable)
            pages_[described_] = page;
    }

    [[nodiscard]] int page_of_font(std::int64_t font) const {
        const auto found = pages_.find(font);
        return found != pages_.end() ? found->second : kSystemPage;
    }

    [[nodiscard]] bool shown() const { return !groups_.back().hidden && !groups_.back().fonts; }

    void unit(std::int64_t number) {
        flush();
        text_.add_unit(static_cast<char16_t>(number & 0xFFFF));  // above 32767 it is written as a negative one
        skip_ = top().substitute;
    }

    void named(std::string_view word) {
        const auto* found = std::find_if(std::begin(kCharacters), std::end(kCharacters),
                                         [word](const Name& name) { return name.word == word; });
        if (found == std::end(kCharacters))
            return;
        flush();
        text_.add(found->text);
    }

    void symbol(char symbol) {
        if (symbol == '*') {
            top().newer = top().begins;
            return;
        }
        top().begins = false;
        if (!shown())
            return;
        if (symbol == '\\' || symbol == '{' || symbol == '}')
            octets({&symbol, 1});
        else if (symbol == '~')
            octets(" ");
        else if (symbol == '_')
            octets("-");
        else if (symbol == '\r' || symbol == '\n')
            named("par");
    }

    void plain(std::string_view text) {
        while (!text.empty()) {
            const auto end = std::min(text.find_first_of("\r\n"), text.size());
            auto line = text.substr(0, end);
            const auto skipped = std::min(skip_, line.size());
            skip_ -= skipped;
            line.remove_prefix(skipped);
            if (!line.empty())
                octets(line);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    // Characters of several octets may be half escaped and half not, so octets wait until something else comes.
    void octets(std::string_view octets) {
        top().begins = false;
        if (!shown())
            return;
        if (top().page != waiting_page_)
            flush();
        waiting_page_ = top().page;
        waiting_ += octets;
        if (waiting_.size() > kMaxText)
            flush();
    }

    void flush() {
        if (waiting_.empty())
            return;
        if (is_ascii(waiting_))
            text_.add(std::string_view(waiting_));
        else
            text_.add(std::string_view(to_utf8(waiting_, charset(waiting_page_))));
        waiting_.clear();
    }

    [[nodiscard]] std::string charset(int page) const {
        page = page == kSystemPage ? system_page_ : page;
        if (page == 10000)
            return "macintosh";
        if (page == 65001)
            return "utf-8";
        if (page == 949)
            return "uhc";
        if (page == 1361)
            return "johab";
        if (page == 936)
            return "gbk";
        if (page == 950)
            return "big5";
        return (page >= 1250 && page <= 1258 ? "windows-" : "cp") + std::to_string(page);
    }

    Opening& opening_;
    std::size_t item_;
    std::string_view octets_;
    CollectedText text_;
    std::vector<Group> groups_{Group{}};
    std::size_t deeper_ = 0;  // groups beyond kMaxGroups
    std::size_t skip_ = 0;    // characters that stand for the one before
    int system_page_ = 1252;
    std::map<std::int64_t, int> pages_;  // code pages of fonts
    std::int64_t default_font_ = 0;
    std::int64_t described_ = 0;  // the font that the table speaks of
    std::string waiting_;         // octets of waiting_page_
    int waiting_page_ = kSystemPage;
};

}  // namespace

void rtf_text(Opening& opening, std::size_t item, std::string_view octets) {
    RtfText(opening, item, octets).run();
}

}  // namespace scanners::attachment
