// Opening: what is known so far of a mail that is being looked into, and how much of it may still be looked at. All who
// open something (MIME, archives, documents) add what they find here and ask here before they go on.
//
// Worker only; one mail, one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/contents.hpp"
#include "policy/wanted.hpp"

namespace scanners {

// Where a text stands, as conditions of rules name it.
enum class Place : std::uint8_t { kHeader, kSubject, kBody, kAttachment };

// Readable text of an item, in UTF-8, for the expressions.
struct Text {
    std::size_t item = 0;
    Place place = Place::kBody;
    std::string_view text;  // borrowed from the mail or from Opening::keep()
    bool plain = false;     // without markup, whatever the item's type says
};

// Octets of one text that expressions look at. Who takes text out of a document stops just above: to reach this is a
// limit, and those who look tell it (content::Matches).
inline constexpr std::size_t kMaxText = 16U << 20;

// Which texts somebody will look at.
enum class Texts : std::uint8_t {
    kNone,
    kMail,  // all but those inside attachments, which cost most
    kAll,
};

// Octets that the scanners have to look at besides the mail as a whole, because only another reader would see them.
struct Extra {
    std::size_t item = 0;
    std::string_view octets;  // borrowed from the mail or from Opening::keep()
};

// A file as the mail has it in base64, which every reader sees alike: a leaf of the mail's own, whose type is none that
// anybody takes for text.
struct EncodedFile {
    std::string_view body;    // in the mail
    std::string_view octets;  // what it says; borrowed from Opening::keep()
};

// Beside the mail as a whole.
struct Parts {
    std::span<const Extra> extras{};
    std::span<const EncodedFile> files{};  // in the mail's order
};

class Opening {
  public:
    // Borrows both. `texts`: where somebody will look for expressions.
    Opening(const policy::ContentLimits& limits, policy::Contents& contents, Texts texts = Texts::kNone,
            policy::Wanted wanted = {});
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;

    // Adds an item; its parent is there already. Index; nothing: a limit forbids it, which is noted, and nothing below
    // it may be looked at either.
    std::optional<std::size_t> add(policy::Item item);
    [[nodiscard]] policy::Item& item(std::size_t index) { return contents_.items[index]; }
    [[nodiscard]] const policy::Contents& contents() const { return contents_; }
    [[nodiscard]] policy::Contents& contents() { return contents_; }

    // A layer below `parent` may be opened. False: noted.
    bool may_go_below(std::size_t parent);
    // Counts a file inside `parent` that gets no item of its own (a directory, a part that every document has). False:
    // over the limit, noted.
    bool another_file(std::size_t parent);
    // `octets` more have come out of `item`, which takes `packed` octets itself. False: over expanded_size or ratio,
    // noted; the caller stops there.
    bool expand(std::size_t item, std::uint64_t octets, std::uint64_t packed);
    // False: scan_time is over, noted.
    bool in_time(std::size_t item);
    // Notes a limit once for each kind; the item is marked kUnopened.
    void exceeded(policy::ContentLimit limit, std::size_t item, std::uint64_t value);

    [[nodiscard]] const policy::ContentLimits& limits() const { return limits_; }
    [[nodiscard]] bool want_text() const { return wanted_texts_ != Texts::kNone; }
    // Text has to be taken out of documents and out of files in archives.
    [[nodiscard]] bool want_attachment_text() const { return wanted_texts_ == Texts::kAll; }
    [[nodiscard]] const policy::Wanted& wanted() const { return wanted_; }

    // Who reads mails that lie in archives and documents, and what Outlook packs ("winmail.dat"): examine() does, and
    // says so here. Nothing: nobody; the item is marked then.
    using ReadMail = std::function<void(std::size_t item, std::string_view octets)>;
    void set_mail_reader(ReadMail reader) { read_mail_ = std::move(reader); }
    [[nodiscard]] const ReadMail& mail_reader() const { return read_mail_; }

    // Keeps decoded octets until the mail is done with.
    std::string_view keep(std::string octets);
    void add_text(Text text) { texts_.push_back(text); }
    void add_extra(Extra extra) { extras_.push_back(extra); }
    void add_file(EncodedFile file) { encoded_files_.push_back(file); }
    [[nodiscard]] const std::vector<Text>& texts() const { return texts_; }
    [[nodiscard]] const std::vector<Extra>& extras() const { return extras_; }
    [[nodiscard]] Parts parts() const { return {extras_, encoded_files_}; }

  private:
    const policy::ContentLimits& limits_;
    policy::Contents& contents_;
    policy::Wanted wanted_;
    Texts wanted_texts_;
    std::chrono::steady_clock::time_point end_;
    std::uint64_t files_ = 0;
    std::uint64_t expanded_ = 0;
    std::vector<std::uint64_t> expanded_of_;  // by item
    std::deque<std::string> kept_;            // a deque: what is borrowed stays where it is
    ReadMail read_mail_;
    std::vector<Text> texts_;
    std::vector<Extra> extras_;
    std::vector<EncodedFile> encoded_files_;
};

}  // namespace scanners
