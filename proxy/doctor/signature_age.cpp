#include "doctor/signature_age.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace doctor {

Finding judge_signatures(const SignatureFacts& facts) {
    constexpr const char* kAbout = "signatures";
    constexpr auto kOld = std::chrono::hours(3 * 24);  // daily.cvd comes each day
    constexpr auto kVeryOld = std::chrono::hours(7 * 24);
    if (!facts.enabled)
        return warning(kAbout, "ClamAV is off: nothing is scanned by it",
                       "set [scanner.clamav] enable=yes, unless another scanner does it");
    if (facts.test_only)
        return warning(kAbout, "only test signatures are used: no real virus is found",
                       "set allow_test_signatures=no, and run freshclam");
    if (!facts.unread.empty())
        return failure(kAbout, facts.unread, "apt-get install clamav-freshclam, or correct [scanner.clamav] database");
    if (facts.files == 0)
        return failure(kAbout, fmt::format("there are none in {}: sandwichd does not start", facts.directory),
                       "apt-get install clamav-freshclam; freshclam");
    const std::string fetch = facts.freshclam
                                  ? "see in /var/log/clamav/freshclam.log why no new ones come, and run freshclam"
                                  : "start what fetches them: service clamav-freshclam start";
    if (!facts.built)
        return warning(kAbout,
                       fmt::format("{} files in {}, and none says when it was built", facts.files, facts.directory),
                       fetch);
    const auto age = std::chrono::duration_cast<std::chrono::hours>(facts.now - *facts.built);
    const auto text = fmt::format("the newest ({}) are {} days old, of {}", facts.newest,
                                  std::max<long>(0, age.count() / 24), base::iso8601(*facts.built));
    const bool over = facts.max_age.count() > 0 && facts.now - *facts.built > facts.max_age;
    if (over)
        return failure(kAbout, text + "; max_signature_age is over: what seems clean is not known to be", fetch);
    if (age > kVeryOld)
        return failure(kAbout, text + "; new viruses are not found", fetch);
    if (age > kOld)
        return warning(kAbout, text, fetch);
    if (!facts.freshclam)
        return warning(kAbout, text + "; freshclam does not run, so they will grow old", fetch);
    return fine(kAbout, text);
}

std::optional<base::Wall::time_point> built_at(std::string_view head) {
    constexpr std::string_view kMagic = "ClamAV-VDB:";
    if (!head.starts_with(kMagic))
        return std::nullopt;
    head = head.substr(0, std::min<std::size_t>(head.size(), 512));
    // time, version, signatures, functionality level, checksum, digital signature, builder, seconds
    for (int field = 0; field < 8; ++field) {
        const auto colon = head.find(':');
        if (colon == std::string_view::npos)
            return std::nullopt;
        head.remove_prefix(colon + 1);
    }
    long long seconds = 0;
    const auto [end, failure] = std::from_chars(head.data(), head.data() + head.size(), seconds);
    if (failure != std::errc{} || end == head.data() || seconds <= 0)
        return std::nullopt;
    return base::Wall::from_time_t(static_cast<std::time_t>(seconds));
}

bool is_signature_file(std::string_view name) {
    static constexpr std::array<std::string_view, 18> kEndings = {".cvd", ".cld", ".cud",  ".hdb", ".hsb", ".hdu",
                                                                  ".hsu", ".mdb", ".msb",  ".ndb", ".ldb", ".cdb",
                                                                  ".fp",  ".sfp", ".ign2", ".pdb", ".ftm", ".yar"};
    return std::any_of(kEndings.begin(), kEndings.end(),
                       [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace doctor
