#include "made.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include <memory>
#include <stdexcept>

#include "scanners/attachment/open.hpp"

namespace made {
namespace {

using policy::Mark;

la_ssize_t write_block(::archive*, void* text, const void* octets, std::size_t length) {
    static_cast<std::string*>(text)->append(static_cast<const char*>(octets), length);
    return static_cast<la_ssize_t>(length);
}

void require(::archive* writer, int code) {
    if (code < ARCHIVE_WARN)
        throw std::runtime_error(::archive_error_string(writer));
}

std::string with_zlib(std::string_view octets, int window) {
    z_stream stream{};
    ::deflateInit2(&stream, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY);
    std::string packed(::deflateBound(&stream, octets.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(octets.data()));
    stream.avail_in = static_cast<uInt>(octets.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    ::deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    ::deflateEnd(&stream);
    return packed;
}

bool is_below(const policy::Contents& contents, std::size_t item, std::string_view way) {
    const auto slash = way.rfind('/');
    const auto& names = contents.items[item].names;
    if ((names.empty() ? "" : names.front()) != (slash == std::string_view::npos ? way : way.substr(slash + 1)))
        return false;
    if (slash == std::string_view::npos)
        return item == 0 || contents.items[item].parent == 0;
    return item != 0 && is_below(contents, contents.items[item].parent, way.substr(0, slash));
}

}  // namespace

std::string archive(const char* format, const Files& files, const char* filter, const char* options,
                    const char* password) {
    std::string result;
    const std::unique_ptr<::archive, int (*)(::archive*)> writer(::archive_write_new(), ::archive_write_free);
    require(writer.get(), ::archive_write_set_format_by_name(writer.get(), format));
    if (*filter != '\0')
        require(writer.get(), ::archive_write_add_filter_by_name(writer.get(), filter));
    ::archive_write_set_bytes_in_last_block(writer.get(), 1);
    require(writer.get(), ::archive_write_set_options(writer.get(), options));
    if (*password != '\0')
        require(writer.get(), ::archive_write_set_passphrase(writer.get(), password));
    require(writer.get(), ::archive_write_open(writer.get(), &result, nullptr, write_block, nullptr));
    for (const auto& file : files) {
        const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(::archive_entry_new(),
                                                                             ::archive_entry_free);
        ::archive_entry_set_pathname(entry.get(), file.name.c_str());
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.octets.size()));
        ::archive_entry_set_filetype(entry.get(), AE_IFREG);
        ::archive_entry_set_perm(entry.get(), 0644);
        require(writer.get(), ::archive_write_header(writer.get(), entry.get()));
        ::archive_write_data(writer.get(), file.octets.data(), file.octets.size());
    }
    require(writer.get(), ::archive_write_close(writer.get()));
    return result;
}

std::string little(std::uint64_t value, int octets) {
    std::string text;
    for (int i = 0; i < octets; ++i, value >>= 8)
        text.push_back(static_cast<char>(value & 0xFF));
    return text;
}

std::string zip(const std::vector<ZipPart>& parts) {
    std::string local;
    std::string central;
    std::vector<std::size_t> offsets;
    std::size_t count = 0;
    for (const auto& part : parts) {
        const auto& local_name = part.local_name.empty() ? part.name : part.local_name;
        const auto common = [&part](const std::string& name) {
            return little(20, 2) + little(part.flags, 2) + little(part.method, 2) + little(0, 8) +
                   little(part.octets.size(), 4) +
                   little(part.declared == 0 && part.method == 0 ? part.octets.size() : part.declared, 4) +
                   little(name.size(), 2) + little(0, 2);
        };
        offsets.push_back(local.size());
        const auto offset = part.at_part >= 0 ? offsets[static_cast<std::size_t>(part.at_part)] : local.size();
        if (part.at_part < 0)
            local += "PK\3\4" + common(local_name) + local_name + part.octets;
        if (!part.in_directory)
            continue;
        ++count;
        central += "PK\1\2" + little(20, 2) + common(part.name) + little(0, 10) + little(offset, 4) + part.name;
    }
    return local + central + "PK\5\6" + little(0, 4) + little(count, 2) + little(count, 2) + little(central.size(), 4) +
           little(local.size(), 4) + little(0, 2);
}

std::string deflated(std::string_view octets) {
    return with_zlib(octets, -MAX_WBITS);
}

std::string zlib(std::string_view octets) {
    return with_zlib(octets, MAX_WBITS);
}

std::string program() {
    std::string octets(256, '\0');
    octets.replace(0, 2, "MZ");
    octets.replace(0x3C, 4, little(0x80, 4));
    octets.replace(0x80, 4, std::string("PE\0\0", 4));
    return octets;
}

std::string marks_of(const policy::Item& item) {
    std::string words;
    for (const auto& [mark, word] : {std::pair{Mark::kEncrypted, "encrypted"},
                                     {Mark::kMacro, "macro"},
                                     {Mark::kScript, "script"},
                                     {Mark::kMalformed, "malformed"},
                                     {Mark::kUnopened, "unopened"},
                                     {Mark::kSigned, "signed"},
                                     {Mark::kExternal, "external"},
                                     {Mark::kEmbedded, "embedded"}}) {
        if (item.is(mark))
            words.append(words.empty() ? "" : " ").append(word);
    }
    return words;
}

const policy::Item* Look::find(std::string_view way) const {
    for (std::size_t i = 0; i < contents.items.size(); ++i) {
        if (is_below(contents, i, way) && (i == 0 || way.find('/') != std::string_view::npos))
            return &contents.items[i];
    }
    return nullptr;
}

std::string Look::type(std::string_view way) const {
    const auto* item = find(way);
    return item != nullptr ? item->true_type : "(none)";
}

std::string Look::marks(std::string_view way) const {
    const auto* item = find(way);
    return item != nullptr ? marks_of(*item) : "(none)";
}

std::string Look::reached() const {
    std::string words;
    for (const auto& exceeded : contents.exceeded)
        words.append(words.empty() ? "" : " ").append(policy::to_string(exceeded.limit));
    return words;
}

Look look(std::string_view octets, std::string name, const policy::ContentLimits& limits, bool every_type) {
    if (const auto loaded = scanners::attachment::load(); !loaded)
        throw std::runtime_error(loaded.error().message);
    Look seen;
    policy::Wanted wanted;
    wanted.every_type = every_type;
    scanners::Opening opening(limits, seen.contents, scanners::Texts::kNone, wanted);
    policy::Item top;
    top.names = {std::move(name)};
    opening.add(std::move(top));
    open(opening, octets);
    return seen;
}

std::string text_of(std::string_view octets, scanners::Texts texts, const policy::ContentLimits& limits) {
    if (const auto loaded = scanners::attachment::load(); !loaded)
        throw std::runtime_error(loaded.error().message);
    policy::Contents contents;
    scanners::Opening opening(limits, contents, texts);
    opening.add({});
    open(opening, octets);
    std::string all;
    for (const auto& text : opening.texts()) {
        if (text.item == 0 && text.place == scanners::Place::kAttachment)
            all += text.text;
    }
    return all;
}

void open(scanners::Opening& opening, std::string_view octets) {
    // A copy of its own size: a sanitizer sees what reads beyond its end.
    const std::vector<char> copy(octets.begin(), octets.end());
    scanners::attachment::open(opening, 0, {copy.data(), copy.size()});
}

}  // namespace made
