// Zygote and workers: one thread.
//
// What writes to the rows of a signature: lsig_sub_matched(), lsig_increment_subsig_match() (both here, so that its
// rows become its own before), and the comparison of octets, which only adds to a signature of which a part was seen.
// Anything else would be ended by the kernel, and with it the worker: no answer instead of a wrong one.
#include "scanners/clamav/seen_parts.hpp"

#include <clamav.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/unseen_signatures.hpp"

namespace scanners::clamav {
namespace {

using layout::Matcher;
using layout::Places;
using layout::Seen;

// Of one signature, by part.
struct Rows {
    std::array<std::uint32_t, layout::kMaxParts> counts;
    std::array<std::uint32_t, layout::kMaxParts> last;
    std::array<std::uint32_t, layout::kMaxParts> first;

    void clear() {
        counts.fill(0);
        last.fill(layout::kNowhere);
        first.fill(layout::kNowhere);
    }
};

// Those of all signatures of which nothing was seen. Null until keep_seen_parts().
Rows* nothing_seen = nullptr;

// The tables of one file. As libclamav makes them, whenever no file has them.
class Tables {
  public:
    Tables(std::uint32_t partial, std::uint32_t logical, std::uint32_t relative)
        : parts_(partial, nullptr),
          counts_(logical, nothing_seen->counts.data()),
          last_(logical, nothing_seen->last.data()),
          first_(logical, nothing_seen->first.data()),
          places_(logical, nullptr),
          rules_(logical, 0),
          offsets_(std::size_t{relative} * 2, layout::kNowhere) {}

    bool is_for(std::uint32_t partial, std::uint32_t logical, std::uint32_t relative) const {
        return parts_.size() == partial && counts_.size() == logical && offsets_.size() == std::size_t{relative} * 2;
    }

    std::size_t rows() const { return rows_.size(); }

    bool is_of(const Seen& seen) const { return seen.counts == counts_.data(); }

    void lend(Seen& seen) {
        seen = {};
        seen.partial = static_cast<std::uint32_t>(parts_.size());
        seen.logical = static_cast<std::uint32_t>(counts_.size());
        seen.relative = static_cast<std::uint32_t>(offsets_.size() / 2);
        seen.parts = parts_.empty() ? nullptr : parts_.data();
        seen.counts = counts_.data();
        seen.last = last_.data();
        seen.first = first_.data();
        seen.places = places_.data();
        seen.rules = rules_.data();
        seen.offsets = offsets_.empty() ? nullptr : offsets_.data();
        std::fill(std::begin(seen.macros), std::end(seen.macros), layout::kNowhere);
        seen.first_part = 1;
    }

    // Before something is written to the rows of `signature`.
    void give_rows(std::uint32_t signature) {
        if (touched_.size() == rows_.size())
            rows_.push_back(std::make_unique<Rows>());
        Rows& own = *rows_[touched_.size()];
        own.clear();
        touched_.push_back(signature);
        counts_[signature] = own.counts.data();
        last_[signature] = own.last.data();
        first_[signature] = own.first.data();
    }

    void take_back(Seen& seen) {
        for (auto*& part : parts_) {
            if (part != nullptr) {
                std::free(part[0]);
                std::free(part);
            }
            part = nullptr;
        }
        for (const auto signature : touched_) {
            counts_[signature] = nothing_seen->counts.data();
            last_[signature] = nothing_seen->last.data();
            first_[signature] = nothing_seen->first.data();
            free_places(places_[signature]);
            places_[signature] = nullptr;
        }
        touched_.clear();
        std::fill(rules_.begin(), rules_.end(), 0);
        std::fill(offsets_.begin(), offsets_.end(), layout::kNowhere);
        seen.partial = seen.logical = seen.relative = 0;
    }

  private:
    static void free_places(Places* places) {
        if (places != nullptr)
            std::for_each(places->parts, places->parts + places->count, std::free);
        std::free(places);
    }

    std::vector<void**> parts_;
    std::vector<std::uint32_t*> counts_, last_, first_;
    std::vector<Places*> places_;
    std::vector<std::uint8_t> rules_;
    std::vector<std::uint32_t> offsets_;
    std::vector<std::uint32_t> touched_;       // signatures with rows of their own,
    std::vector<std::unique_ptr<Rows>> rows_;  // which are these, in the same order; the rest was lent before
};

using AllTables = std::vector<std::unique_ptr<Tables>>;

AllTables& in_use() {
    static AllTables all;
    return all;
}

AllTables& waiting() {
    static AllTables all;
    return all;
}

// The last ones lent are the first ones back.
AllTables::iterator lent_to(const Seen& seen) {
    auto& lent = in_use();
    const auto found =
        std::find_if(lent.rbegin(), lent.rend(), [&](const auto& tables) { return tables->is_of(seen); });
    return found == lent.rend() ? lent.end() : std::prev(found.base());
}

bool has_no_rows(const Seen& seen, std::uint32_t signature) {
    return nothing_seen != nullptr && seen.counts[signature] == nothing_seen->counts.data();
}

// Whatever throws here ends the worker: there is no way to tell libclamav.
void give_rows_of(const Seen& seen, std::uint32_t signature) noexcept {
    (*lent_to(seen))->give_rows(signature);
}

using MakeTables = int(Seen*, std::uint32_t, std::uint32_t, std::uint32_t, std::uint8_t);
using FreeTables = void(Seen*);
using NotePart = int(const Matcher*, Seen*, std::uint32_t, std::uint32_t, std::uint32_t, int);
using AddPart = void(Seen*, std::uint32_t, std::uint32_t);

// Whether the library's tables of one signature have in them what is in ours.
bool library_makes_the_same() {
    Seen seen{};
    if (in_library<MakeTables>("cli_ac_initdata")(&seen, 1, 1, 1, 0) != CL_SUCCESS)
        return false;
    Rows rows;
    rows.clear();
    const auto is_in = [](const auto& values, const std::uint32_t* place) {
        return std::equal(values.begin(), values.end(), place);
    };
    const auto is_nowhere = [](std::uint32_t place) { return place == layout::kNowhere; };
    const bool same = seen.partial == 1 && seen.logical == 1 && seen.relative == 1 &&
                      is_in(rows.counts, seen.counts[0]) && is_in(rows.last, seen.last[0]) &&
                      is_in(rows.first, seen.first[0]) && seen.parts[0] == nullptr && seen.places[0] == nullptr &&
                      seen.rules[0] == 0 && is_nowhere(seen.offsets[0]) &&
                      std::all_of(std::begin(seen.macros), std::end(seen.macros), is_nowhere) &&
                      seen.versions == nullptr && seen.first_part == 1;
    in_library<FreeTables>("cli_ac_freedata")(&seen);
    return same;
}

}  // namespace

bool keep_seen_parts() {
    if (nothing_seen != nullptr)
        return true;
    if (!std::string_view(cl_retver()).starts_with(layout::kVersion) || !library_makes_the_same())
        return false;
    static_assert(sizeof(Rows) <= 4096);
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    auto* const rows = new (page) Rows;
    rows->clear();
    if (::mprotect(page, 4096, PROT_READ) != 0)
        return false;
    nothing_seen = rows;
    return true;
}

SeenPartsCount count_seen_parts() {
    SeenPartsCount count{in_use().size(), waiting().size(), 0};
    for (const auto* const all : {&in_use(), &waiting()})
        for (const auto& tables : *all)
            count.rows += tables->rows();
    return count;
}

}  // namespace scanners::clamav

using namespace scanners::clamav;

extern "C" {

#pragma GCC visibility push(default)
MakeTables cli_ac_initdata;
FreeTables cli_ac_freedata;
NotePart lsig_sub_matched;
AddPart lsig_increment_subsig_match;
#pragma GCC visibility pop

int cli_ac_initdata(Seen* seen, std::uint32_t partial, std::uint32_t logical, std::uint32_t relative,
                    std::uint8_t track) {
    static auto* const library = in_library<MakeTables>("cli_ac_initdata");
    if (nothing_seen == nullptr || seen == nullptr || logical == 0)
        return library(seen, partial, logical, relative, track);
    auto& free = waiting();
    const auto fitting = std::find_if(free.begin(), free.end(),
                                      [&](const auto& one) { return one->is_for(partial, logical, relative); });
    try {
        in_use().reserve(in_use().size() + 1);
        auto tables =
            fitting == free.end() ? std::make_unique<Tables>(partial, logical, relative) : std::move(*fitting);
        if (fitting != free.end())
            free.erase(fitting);
        tables->lend(*seen);
        in_use().push_back(std::move(tables));
    } catch (const std::bad_alloc&) {
        return CL_EMEM;
    }
    return CL_SUCCESS;
}

void cli_ac_freedata(Seen* seen) {
    static auto* const library = in_library<FreeTables>("cli_ac_freedata");
    const auto lent = seen == nullptr || seen->logical == 0 ? in_use().end() : lent_to(*seen);
    if (lent == in_use().end())
        return library(seen);
    (*lent)->take_back(*seen);
    waiting().push_back(std::move(*lent));
    in_use().erase(lent);
    if (in_use().empty())
        hide_shown_signatures();
}

int lsig_sub_matched(const Matcher* matcher, Seen* seen, std::uint32_t signature, std::uint32_t part,
                     std::uint32_t offset, int partial) {
    static auto* const library = in_library<NotePart>("lsig_sub_matched");
    if (has_no_rows(*seen, signature)) {
        // Asked of every part at the end of a file, for the sake of those that were seen more than once.
        if (offset == layout::kNowhere)
            return CL_SUCCESS;
        show_signature(*matcher, signature);
        give_rows_of(*seen, signature);
    }
    return library(matcher, seen, signature, part, offset, partial);
}

void lsig_increment_subsig_match(Seen* seen, std::uint32_t signature, std::uint32_t part) {
    static auto* const library = in_library<AddPart>("lsig_increment_subsig_match");
    if (has_no_rows(*seen, signature)) {
        show_signature_in_any(seen->logical, signature);
        give_rows_of(*seen, signature);
    }
    library(seen, signature, part);
}
}
