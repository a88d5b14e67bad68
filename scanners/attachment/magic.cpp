#include "scanners/attachment/magic.hpp"

#include <magic.h>

#include <memory>

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

std::unique_ptr<magic_set, Close>& loaded() {
    static std::unique_ptr<magic_set, Close> magic;
    return magic;
}

}  // namespace

base::Status load_magic() {
    if (loaded() != nullptr)
        return base::ok();
    std::unique_ptr<magic_set, Close> magic(::magic_open(kFlags));
    if (magic == nullptr)
        return base::error("libmagic cannot be opened");
    if (::magic_load(magic.get(), nullptr) != 0)
        return base::error("the table of file types cannot be read ({}); install package libmagic-mgc",
                           ::magic_error(magic.get()));
    loaded() = std::move(magic);
    magic_type("#!/bin/sh\n<html>");  // compiles what it compiles at first use
    return base::ok();
}

std::string magic_type(std::string_view octets) {
    if (loaded() == nullptr || octets.empty())
        return {};
    const char* type = ::magic_buffer(loaded().get(), octets.data(), std::min(octets.size(), kLookedAt));
    // Some entries of the database give two types in one answer.
    const std::string_view found = type != nullptr ? type : "";
    const auto end = found.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+-._");
    const auto first = found.substr(0, end);
    if (first == "application/octet-stream" || first.starts_with("inode/"))
        return {};
    return std::string(first);
}

}  // namespace scanners::attachment
