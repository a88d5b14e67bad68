#include "config/policy_texts.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "config/ini_file.hpp"
#include "config/load.hpp"
#include "config/spelling.hpp"

namespace config {

namespace {

constexpr std::size_t kMaxListSize = 16ULL << 20;  // octets of one list

void append_number(std::string& packed, std::size_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        packed += static_cast<char>((number >> shift) & 0xff);
}

// Cuts a number and so many octets off `packed`; nothing: there are fewer.
std::optional<std::string> take_text(std::string_view& packed) {
    std::size_t size = 0;
    for (unsigned i = 0; i < 4 && i < packed.size(); ++i)
        size |= static_cast<std::size_t>(static_cast<unsigned char>(packed[i])) << (8 * i);
    if (packed.size() < 4 || packed.size() - 4 < size)
        return std::nullopt;
    std::string text(packed.substr(4, size));
    packed.remove_prefix(4 + size);
    return text;
}

// The lists and texts that a file of the policy names.
void add_lists_of(const PolicyFiles::File& file, std::vector<std::string>& paths) {
    std::vector<Diagnostic> ignored;  // parse_policy() says it
    for (const auto& section : read_ini(file.text, ignored))
        for (const auto& entry : section.entries)
            if ((same(entry.key, "file") || same(entry.key, "html_file")) &&
                std::ranges::find(paths, entry.value) == paths.end())
                paths.push_back(entry.value);
}

base::Result<std::vector<std::string>> files_of(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(directory, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        const auto name = entry->path().filename().string();
        if (name.ends_with(".ini") && !name.starts_with('.'))
            paths.push_back(entry->path().string());
    }
    if (problem && problem != std::errc::no_such_file_or_directory)
        return base::error("{}: {}", directory, problem.message());
    std::ranges::sort(paths);
    return paths;
}

}  // namespace

std::string PolicyFiles::pack() const {
    std::string packed;
    for (const auto& file : files) {
        packed += file.list ? 'L' : 'I';
        append_number(packed, file.name.size());
        packed += file.name;
        append_number(packed, file.text.size());
        packed += file.text;
    }
    return packed;
}

base::Result<PolicyFiles> PolicyFiles::unpack(std::string_view packed) {
    PolicyFiles files;
    while (!packed.empty()) {
        const char kind = packed.front();
        packed.remove_prefix(1);
        auto name = take_text(packed);
        auto text = name ? take_text(packed) : std::nullopt;
        if ((kind != 'I' && kind != 'L') || !text)
            return base::error("the texts of the policy did not arrive whole");
        files.files.push_back({std::move(*name), std::move(*text), kind == 'L'});
    }
    return files;
}

base::Result<PolicyFiles> read_policy_files(const std::string& file, const std::string& directory) {
    std::vector<std::string> paths;
    if (!file.empty())
        paths.push_back(file);
    if (!directory.empty()) {
        auto more = files_of(directory);
        if (!more)
            return more.error();
        paths.insert(paths.end(), more->begin(), more->end());
    }
    PolicyFiles files;
    std::vector<std::string> lists;
    std::size_t size = 0;
    const auto add = [&](const std::string& path, bool list) -> base::Status {
        auto text = read_file(path, list ? kMaxListSize : kMaxFile);
        if (!text)
            return text.error();
        size += text->size();
        if (size > kMaxPolicySize || files.files.size() == kMaxPolicyFiles)
            return base::error("{}: the policy has more than {} files or {} octets", path, kMaxPolicyFiles,
                               kMaxPolicySize);
        files.files.push_back({path, std::move(*text), list});
        return base::ok();
    };
    for (const auto& path : paths) {
        if (auto added = add(path, false); !added)
            return added.error();
        add_lists_of(files.files.back(), lists);
    }
    for (const auto& path : lists)
        if (auto added = add(path, true); !added)
            return added.error();
    return files;
}

}  // namespace config
