// OtherReadings: makes an Extra of what only another reading of a mail shows. Worker only; one mail.
//
// The limit `readings` bounds how many there are; the work to find them is bounded by a multiple of the mail's size.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/tree.hpp"
#include "scanners/opening.hpp"

namespace scanners {

class OtherReadings {
  public:
    // `found` is told of the item of each reading: names and content are there, what is in it is not looked at yet.
    using Found = std::function<void(std::size_t item, std::string_view octets)>;
    OtherReadings(Opening& opening, std::uint64_t mail_size, Found found);

    // What libclamav sees by itself, in a text whose octets stay where they are.
    void known(std::string_view octets) { seen_.insert(octets); }

    // These octets are decoded content of `item` that libclamav may not see: an Extra, unless it is known.
    void add(std::size_t item, std::string_view octets);

    // All parts that some reader could see in `text`. `parent`: the item of the message. `tree`: its first reading.
    // `deep`: how often a reading was found in a reading.
    void look(std::string_view text, std::size_t parent, const mail::mime::Tree& tree, unsigned deep = 0);

  private:
    struct Place;
    void look_at_part(const Place& place, std::size_t begin, std::size_t end, mail::mime::Encoding encoding);
    bool take(const Place& place, std::string octets);
    bool take_converted(const Place& place, std::string_view octets);
    bool take_files(const Place& place, std::string_view text);
    bool may_work(std::size_t octets, std::size_t item);

    Opening& opening_;
    Found found_;
    std::uint64_t work_left_;
    std::uint32_t readings_ = 0;
    // By size first: hardly any two are compared octet by octet, while a hash would need each octet of each.
    struct Smaller {
        bool operator()(std::string_view a, std::string_view b) const {
            return a.size() != b.size() ? a.size() < b.size() : a < b;
        }
    };
    std::set<std::string_view, Smaller> seen_;
};

// Defects that let two readers see two different things.
bool is_ambiguous(std::uint64_t defects);

// The first reading of a leaf, which other programs share: nothing on the way to it is ambiguous.
bool is_clear(const mail::mime::Tree& tree, std::size_t entity);

}  // namespace scanners
