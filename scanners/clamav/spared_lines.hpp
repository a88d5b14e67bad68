// Lines of a mail that libclamav need not read. It takes a file in base64 apart line by line: it copies each twice,
// looks through it five times and keeps a block of memory for each, which for a large file costs as much as to look for
// signatures in it. Where every reader sees the same file, another reading has decoded it already. So libclamav is
// shown the mail with one line in the place of nearly all of the file's; when it comes to decode that line, the octets
// of the others are written to the file that it is making. Linked into a program, spared_lines.cpp takes the place of
// the functions in which this happens.
//
// What libclamav looks at is the same, octet by octet: the mail as it was sent, in which it looks for signatures, and
// the file, which lies in the mail and has its name. That each file came to be so is checked, not believed: before the
// octets are written, the file must be the one that libclamav made last, with the octets of the lines before and
// nothing else; and it must have been opened to be looked at, with its full size. Where that was not so, nothing that
// was found is lost, but "clean" counts for nothing, and the mail has to be scanned once more as it is.
//
// It relies on layout.hpp and on how libclamav 1.4 reads a mail. Workers: one thread, one mail.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scanners/opening.hpp"

struct cl_fmap;

namespace scanners::clamav {

class SparedLines {
  public:
    // Fewer octets are not worth it.
    static constexpr std::size_t kLeast = 16U << 10;
    // Octets of the mail as it is shown: a copy, in which is looked for what forbids it.
    static constexpr std::size_t kMostShown = 256U << 10;

    // `files`: in the mail, in its order. All must stay where they are. Of a library or a mail that it does not know,
    // nothing is spared.
    SparedLines(std::string_view mail, std::span<const EncodedFile> files);
    ~SparedLines();
    SparedLines(const SparedLines&) = delete;
    SparedLines& operator=(const SparedLines&) = delete;

    // Whether there is anything to spare. If so, the mail's map is given before the scan of it begins.
    [[nodiscard]] bool any() const { return !parts_.empty(); }
    void show(cl_fmap* map);
    // After the scan: whether libclamav has looked at each of the files.
    [[nodiscard]] bool all_scanned() const;

    // From within the scan; of the one that there is, if any.

    // A message is going to be read.
    static void begin_to_read();
    // A file was made.
    static void made(int file);
    // A line is to be decoded: whether it stood for others.
    static bool decode(std::string_view line);
    // A file of so many octets is going to be looked at.
    static void opened(int file, std::size_t size);

  private:
    struct Part {
        std::string line;         // that stands for the others
        std::string_view before;  // what the lines before it say
        std::string_view octets;  // what the spared ones say
        std::size_t size;         // of all of the file
        int file = -1;            // once it was written to
        bool scanned = false;
    };
    enum class Stage : unsigned char { kBegun, kReading, kRead };
    struct Hooks;
    friend struct Hooks;

    std::size_t plan(const EncodedFile& file, std::string_view mail, std::size_t from);
    bool write(const Part& part) const;
    const unsigned char* read(std::size_t at, std::size_t length, std::size_t size);

    std::vector<Part> parts_;
    std::string shown_;
    cl_fmap* map_ = nullptr;
    Stage stage_ = Stage::kBegun;
    std::size_t last_ = 0;  // where it read last
    int made_ = -1;
    bool spoiled_ = false;  // a line that stood for others was not where it had to be
};

// Does nothing; who calls it has the functions linked in.
void link_spared_lines();

}  // namespace scanners::clamav
