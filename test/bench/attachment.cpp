// What is in files, and what it costs to see: one line a file (limits reached, milliseconds, MiB at most), with -v a
// line for each item. Each file is opened in a child of its own, under the limits that a mail has by default.
//
//   bench_attachment [-v] [FILE...]     without a file: bombs of every kind, made here
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "scanners/attachment/open.hpp"
#include "test/unit/scanners/attachment/made.hpp"

namespace {

using policy::Mark;

std::string marks_of(const policy::Item& item) {
    constexpr std::pair<Mark, const char*> kWords[] = {{Mark::kEncrypted, "encrypted"}, {Mark::kMacro, "macro"},
                                                       {Mark::kScript, "script"},       {Mark::kEmbedded, "embedded"},
                                                       {Mark::kMalformed, "malformed"}, {Mark::kUnopened, "unopened"},
                                                       {Mark::kSigned, "signed"},       {Mark::kExternal, "external"}};
    std::string words;
    for (const auto& [mark, word] : kWords) {
        if (item.is(mark))
            words.append(words.empty() ? "" : ",").append(word);
    }
    return words;
}

void print_items(const policy::Contents& contents) {
    for (const auto& item : contents.items) {
        std::string names;
        for (const auto& name : item.names)
            names.append(names.empty() ? "" : " | ").append(name);
        std::printf("  %*s%s  %s  %llu  [%s]\n", item.layer * 2, "", names.c_str(), item.true_type.c_str(),
                    static_cast<unsigned long long>(item.size), marks_of(item).c_str());
    }
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

std::string zip_of(const std::string& octets, std::size_t copies) {
    std::vector<made::ZipPart> parts;
    for (std::size_t i = 0; i < copies; ++i) {
        parts.push_back({std::to_string(i), made::deflated(octets)});
        parts.back().method = 8;
    }
    return made::zip(parts);
}

std::string nested(std::string octets, int layers, std::size_t copies) {
    for (int i = 0; i < layers; ++i)
        octets = zip_of(octets, copies);
    return octets;
}

// One member's data under many names.
std::string overlapping() {
    std::vector<made::ZipPart> parts{{"0", made::deflated(std::string(10 << 20, '\0'))}};
    parts[0].method = 8;
    parts.resize(900, parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i)
        parts[i].at_part = 0;
    return made::zip(parts);
}

// Just below the ratio, so that only the size in all stops it.
std::string below_the_ratio() {
    std::string block;
    std::uint32_t state = 1;
    for (int i = 0; i < 6000; ++i)
        block.push_back(static_cast<char>((state = state * 1664525U + 1013904223U) >> 24));
    return zip_of(repeated(block + std::string(900000, '\0'), 30), 20);
}

made::Files bombs() {
    const std::string one("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3");
    return {{"256 MiB of zeros.gz", made::archive("raw", {{"", std::string(256 << 20, '\0')}}, "gzip")},
            {"just below the ratio.zip", below_the_ratio()},
            {"100 MiB, three times by 16.zip", nested(std::string(100 << 20, '\0'), 4, 16)},
            {"20 layers.zip", nested("x", 20, 1)},
            {"60,000 files.zip", zip_of("", 60000)},
            {"members over each other.zip", overlapping()},
            {"256 MiB, packed twice.pdf",
             made::pdf({made::pdf_stream("/Type/ObjStm/Filter[/Fl/Fl]",
                                         made::zlib(made::zlib(std::string(256 << 20, '\0'))))})},
            {"open strings.pdf", "%PDF-1.5\n" + repeated("<<[(", 2000000)},
            {"200,000 streams.pdf", "%PDF-1.5\n" + repeated("1 0 obj<<>>stream\nendstream endobj\n", 200000)},
            {"800,000 groups.rtf", "{\\rtf1" + repeated("{\\objdata ", 800000)},
            {"400,000 objects.rtf", "{\\rtf1" + repeated("{\\objdata 00}", 400000)},
            {"3 million attributes.docx",
             made::zip({{"[Content_Types].xml", "<T/>"}, {"word/document.xml", repeated("<a b=\"", 3000000)}})},
            {"100,000 programs.one", one + repeated(made::program(), 100000)},
            {"8 million tags.html", "<html>" + std::string(8000000, '<')}};
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int look_at(const std::string& path, const std::string& octets, bool verbose) {
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto began = std::chrono::steady_clock::now();
    const policy::ContentLimits limits;
    policy::Contents contents;
    scanners::Opening opening(limits, contents);
    policy::Item top;
    const std::string name = path.substr(path.rfind('/') + 1);
    top.names = {name};
    opening.add(std::move(top));
    scanners::attachment::open(opening, 0, octets);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    std::string reached;
    for (const auto& exceeded : contents.exceeded)
        reached.append(" ").append(policy::to_string(exceeded.limit));
    std::printf("%-44s %-40s %5zu items %9.2f ms %6.1f MiB [%s]%s%s\n", name.c_str(),
                contents.items[0].true_type.c_str(), contents.items.size(), took.count(),
                static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024, marks_of(contents.items[0]).c_str(),
                reached.empty() ? "" : "  reached:", reached.c_str());
    if (verbose)
        print_items(contents);
    return 0;
}

// A peak of memory belongs to one file then, and a crash, too.
bool in_child(const std::string& name, const std::string& octets, bool verbose) {
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        const int code = look_at(name, octets, verbose);
        std::fflush(stdout);
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0)
        std::printf("%s: ended with status %d\n", name.c_str(), status);
    return status == 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (auto loaded = scanners::attachment::load(); !loaded) {
        std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
        return 1;
    }
    const bool verbose = count > 1 && std::string_view(arguments[1]) == "-v";
    const int first = verbose ? 2 : 1;
    bool good = true;
    for (int i = first; i < count; ++i)
        good = in_child(arguments[i], read_file(arguments[i]), verbose) && good;
    if (first >= count) {
        for (const auto& bomb : bombs())
            good = in_child(bomb.name, bomb.octets, verbose) && good;
    }
    return good ? 0 : 1;
}
