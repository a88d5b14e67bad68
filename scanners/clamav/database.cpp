// Looks before it leaps: cl_load() on an empty or missing directory says little that helps an administrator.
#include "scanners/clamav/database.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/log.hpp"

namespace scanners::clamav {
namespace {

namespace fs = std::filesystem;

// Files that hold signatures (libclamav also reads .fp, .ign2, .cfg and others, which alone find nothing).
constexpr std::array<std::string_view, 20> kSignatureFiles = {".cvd", ".cld", ".cud", ".hdb",  ".hsb", ".hdu", ".hsu",
                                                              ".mdb", ".msb", ".mdu", ".msu",  ".ndb", ".ndu", ".ldb",
                                                              ".ldu", ".db",  ".yar", ".yara", ".cbc", ".idb"};

constexpr std::string_view kHowToGetSignatures =
    "get signatures with \"apt-get install clamav-freshclam\" (or run \"freshclam\"), "
    "or set allow_test_signatures=yes in [scanner.clamav] for a trial";

// libclamav explains its failures through a callback without context, before it returns; the last words are kept.
std::string last_words;

void keep_words(cl_msg severity, const char* /*full*/, const char* text, void* /*context*/) {
    if (severity == CL_MSG_ERROR && text != nullptr)
        last_words = text;
}

std::string take_last_words() {
    std::string words;
    words.swap(last_words);
    while (!words.empty() && (words.back() == '\n' || words.back() == ' '))
        words.pop_back();
    return words;
}

enum class Content { kMissing, kUnreadable, kEmpty, kSignatures };

Content look_into(const std::string& directory) {
    std::error_code failure;
    if (!fs::is_directory(directory, failure))
        return Content::kMissing;
    fs::directory_iterator entries(directory, failure);
    if (failure)
        return Content::kUnreadable;
    for (const auto& entry : entries) {
        const auto extension = entry.path().extension().string();
        if (std::find(kSignatureFiles.begin(), kSignatureFiles.end(), extension) != kSignatureFiles.end())
            return Content::kSignatures;
    }
    return Content::kEmpty;
}

base::Error unusable(const std::string& directory, Content content) {
    switch (content) {
        case Content::kMissing:
            return base::error("the signature directory {} does not exist; {}", directory, kHowToGetSignatures);
        case Content::kUnreadable:
            return base::error("the signature directory {} cannot be read by the scanner's user (scan_user)",
                               directory);
        default:
            return base::error("the signature directory {} holds no signatures; {}", directory, kHowToGetSignatures);
    }
}

using Head = std::unique_ptr<cl_cvd, decltype(&cl_cvdfree)>;

// "main 62" for main.cvd or main.cld with version 62; empty when neither is there.
std::string version_of(const std::string& directory, std::string_view database) {
    for (const std::string_view extension : {".cld", ".cvd"}) {
        const auto path = (fs::path(directory) / fmt::format("{}{}", database, extension)).string();
        std::error_code failure;
        if (!fs::exists(path, failure))
            continue;
        const Head head(cl_cvdhead(path.c_str()), cl_cvdfree);
        if (head != nullptr)
            return fmt::format(" {} {}", database, head->version);
    }
    return {};
}

// The build time in the head of a database, else the file's own time; the former counts more.
struct Made {
    std::time_t built = 0;
    std::time_t written = 0;
};

// Of the newest in `directory`. A signature of somebody's own, made today, does not make daily.cvd any newer.
base::Wall::time_point made_in(const std::string& directory) {
    Made newest;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure)) {
        const auto extension = entry.path().extension().string();
        if (std::find(kSignatureFiles.begin(), kSignatureFiles.end(), extension) == kSignatureFiles.end())
            continue;
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0)
            newest.written = std::max(newest.written, status.st_mtime);
        if (extension != ".cvd" && extension != ".cld" && extension != ".cud")
            continue;
        const Head head(cl_cvdhead(entry.path().c_str()), cl_cvdfree);
        if (head != nullptr)
            newest.built = std::max(newest.built, static_cast<std::time_t>(head->stime));
    }
    return base::Wall::from_time_t(newest.built != 0 ? newest.built : newest.written);
}

// Number of signatures loaded from `directory`.
base::Result<unsigned> load_directory(const std::string& directory, cl_engine* engine) {
    unsigned count = 0;
    take_last_words();
    const auto code = cl_load(directory.c_str(), engine, &count, CL_DB_STDOPT);
    if (code != CL_SUCCESS)
        return base::error("libclamav cannot load the signatures in {}: {} ({})", directory, cl_strerror(code),
                           take_last_words());
    if (count == 0)
        return unusable(directory, Content::kEmpty);
    return count;
}

}  // namespace

base::Result<Database> load_databases(const config::Settings::Clamav& settings, cl_engine* engine) {
    cl_set_clcb_msg(keep_words);
    const auto content = look_into(settings.database);
    const bool real = content == Content::kSignatures;
    if (!real && !settings.allow_test_signatures)
        return unusable(settings.database, content);

    unsigned total = 0;
    std::string versions;
    if (settings.allow_test_signatures) {
        if (const auto test = look_into(settings.test_signatures); test != Content::kSignatures)
            return base::error("allow_test_signatures=yes, but the directory {} holds no signatures",
                               settings.test_signatures);
        const auto loaded = load_directory(settings.test_signatures, engine);
        if (!loaded)
            return loaded.error();
        total += *loaded;
        versions += real ? " with test signatures" : " test signatures only";
        base::log::event(base::log::kUnsafe, "allow_test_signatures=yes: {} test signatures from {} are in use{}",
                         *loaded, settings.test_signatures,
                         real ? "" : fmt::format(", and no others ({} has none)", settings.database));
    }
    if (real) {
        const auto loaded = load_directory(settings.database, engine);
        if (!loaded)
            return loaded.error();
        total += *loaded;
        for (const std::string_view database : {"main", "daily", "bytecode"})
            versions += version_of(settings.database, database);
    }
    return Database{fmt::format("clamav{}, {} signatures", versions, total),
                    made_in(real ? settings.database : settings.test_signatures)};
}

}  // namespace scanners::clamav
