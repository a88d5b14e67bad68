// Prints what a worker finds in mails, one line a file: verdict, extra readings, names, defects. For people; the tests
// are test/unit/scanners/test_evasion.cpp and test/sandwich/mime_corpus.py.
//
// Usage: evasion_look [--raw] [--names] DATABASE FILE ...     --raw: as they are, not as the proxy hands them on
// DATABASE "none": without libclamav.
#include <chrono>
#include <cstdio>

#include "evasion/file.hpp"
#include "mail/mime/defect.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/examine.hpp"

int main(int argc, char** argv) {
    bool raw = false;
    bool names = false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; ++at) {
        raw |= std::string_view(argv[at]) == "--raw";
        names |= std::string_view(argv[at]) == "--names";
    }
    if (at >= argc)
        return 2;
    config::Settings::Clamav settings;
    settings.database = argv[at++];
    const bool scan = settings.database != "none";
    scanners::clamav::ClamavScanner scanner(settings, std::chrono::seconds(20));
    if (auto loaded = scan ? scanner.load() : base::ok(); !loaded) {
        std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
        return 1;
    }
    if (scan)
        (void)scanner.enter_worker("/tmp");
    std::size_t found = 0;
    std::size_t by_mail = 0;
    std::size_t extras = 0;
    std::size_t malformed = 0;
    std::size_t mails = 0;
    double examine_time = 0;
    double scan_time = 0;
    double extra_time = 0;
    const auto seconds = [] {
        return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count()) * 1e-9;
    };
    for (; at < argc; ++at) {
        const auto text = raw ? evasion::read(argv[at]) : evasion::canonical(evasion::read(argv[at]));
        policy::ContentLimits limits;
        policy::Contents contents;
        scanners::Opening opening(limits, contents);
        const auto begin = seconds();
        scanners::examine(opening, text);
        const auto examined = seconds();
        const auto alone = scan ? scanner.scan(text, {}) : policy::ScanResult();
        const auto scanned = seconds();
        const auto both = scan && alone.outcome != policy::Outcome::kFound ? scanner.scan({}, opening.parts()) : alone;
        extra_time += seconds() - scanned;
        scan_time += scanned - examined;
        examine_time += examined - begin;
        const bool hit = both.outcome == policy::Outcome::kFound || alone.outcome == policy::Outcome::kFound;
        found += hit ? 1 : 0;
        by_mail += alone.outcome == policy::Outcome::kFound ? 1 : 0;
        extras += opening.extras().size();
        malformed += mail::mime::is_malformed(contents.defects) ? 1 : 0;
        ++mails;
        std::printf("%s %s extras=%zu limits=%zu %s", hit ? "found" : "CLEAN",
                    alone.outcome == policy::Outcome::kFound ? "alone" : "-", opening.extras().size(),
                    contents.exceeded.size(), argv[at]);
        if (names) {
            for (const auto& item : contents.items) {
                for (const auto& name : item.names)
                    std::printf(" [%s]", name.c_str());
            }
        }
        std::printf(" : %s\n", mail::mime::describe(contents.defects).c_str());
    }
    std::printf(
        "%zu mails, %zu found, %zu by the mail alone, %zu extras, %zu malformed; seconds: examine %.3f, mail %.3f, "
        "extras %.3f\n",
        mails, found, by_mail, extras, malformed, examine_time, scan_time, extra_time);
    return 0;
}
