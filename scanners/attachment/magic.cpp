#include "scanners/attachment/magic.hpp"

#include <magic.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/fingerprint.hpp"

namespace scanners::attachment {
namespace {

// What decides lies at the beginning; the rest would only cost time.
constexpr std::size_t kLookedAt = 64 << 10;

// Type only. Compressed data and OLE are not opened there: that is done here, under limits. No tests for things that
// our own table knows.
constexpr int kFlags = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_ELF;

struct Close {
    void operator()(magic_set* magic) const { ::magic_close(magic); }
};

// The types of octets that were asked for before: libmagic goes through all of its thousands of entries for those that
// it does not know, a third of a millisecond or more. One thread.
class Remembered {
  public:
    explicit Remembered(base::Fingerprints fingerprints) : fingerprints_(std::move(fingerprints)) {}

    template <typename Ask>
    const std::string& type_of(std::string_view octets, const Ask& ask) {
        const auto fingerprint = fingerprints_.of(octets);
        auto& one = all_[fingerprint.front()];
        if (!one || one->first != fingerprint)
            one.emplace(fingerprint, ask());
        return one->second;
    }

  private:
    base::Fingerprints fingerprints_;
    std::array<std::optional<std::pair<base::Fingerprint, std::string>>, 256> all_;  // by the first octet
};

struct Loaded {
    std::unique_ptr<magic_set, Close> magic;
    std::optional<Remembered> remembered;
};

Loaded& loaded() {
    static Loaded all;
    return all;
}

std::string ask_magic(std::string_view octets) {
    const char* type = ::magic_buffer(loaded().magic.get(), octets.data(), octets.size());
    // Some entries of the database give two types in one answer.
    const std::string_view found = type != nullptr ? type : "";
    const auto end = found.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+-._");
    const auto first = found.substr(0, end);
    if (first == "application/octet-stream" || first.starts_with("inode/"))
        return {};
    return std::string(first);
}

}  // namespace

base::Status load_magic() {
    if (loaded().magic != nullptr)
        return base::ok();
    std::unique_ptr<magic_set, Close> magic(::magic_open(kFlags));
    if (magic == nullptr)
        return base::error("libmagic cannot be opened");
    if (::magic_load(magic.get(), nullptr) != 0)
        return base::error("the table of file types cannot be read ({}); install package libmagic-mgc",
                           ::magic_error(magic.get()));
    auto fingerprints = base::Fingerprints::with_new_key();
    if (!fingerprints)
        return fingerprints.error();
    loaded().magic = std::move(magic);
    loaded().remembered.emplace(std::move(*fingerprints));
    ask_magic("#!/bin/sh\n<html>");  // compiles what it compiles at first use
    return base::ok();
}

std::string magic_type(std::string_view octets) {
    if (loaded().magic == nullptr || octets.empty())
        return {};
    const auto looked_at = octets.substr(0, kLookedAt);
    return loaded().remembered->type_of(looked_at, [looked_at] { return ask_magic(looked_at); });
}

}  // namespace scanners::attachment
