// What is in files, and what it costs to see: one line a file (limits reached, milliseconds, MiB at most), with -v a
// line for each item. Each file is opened in a child of its own, under the limits that a mail has by default.
//
//   bench_attachment [-v] FILE...
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "scanners/attachment/open.hpp"

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

int look_at(const std::string& path, bool verbose) {
    std::ifstream file(path, std::ios::binary);
    const std::string octets((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
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

}  // namespace

int main(int count, char** arguments) {
    if (auto loaded = scanners::attachment::load(); !loaded) {
        std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
        return 1;
    }
    bool verbose = false;
    int lost = 0;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "-v") {
            verbose = true;
            continue;
        }
        std::fflush(stdout);
        const pid_t child = ::fork();
        if (child == 0) {
            const int code = look_at(argument, verbose);
            std::fflush(stdout);
            ::_exit(code);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        if (status != 0) {
            std::printf("%s: ended with status %d\n", argument.c_str(), status);
            ++lost;
        }
    }
    return lost == 0 ? 0 : 1;
}
