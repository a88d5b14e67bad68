// Runs a fuzz target over every file of its corpus, without libFuzzer: `fuzz_NAME DIRECTORY_OR_FILE...`. A corpus
// without a file is a failure: it would prove nothing.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "target.hpp"

namespace fs = std::filesystem;

int main(int count, char** arguments) {
    std::vector<fs::path> files;
    for (int i = 1; i < count; ++i) {
        const fs::path given(arguments[i]);
        if (!fs::is_directory(given)) {
            files.push_back(given);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(given))
            files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& path : files) {
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "cannot read %s\n", path.c_str());
            return 1;
        }
        const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        std::fprintf(stderr, "%s\n", path.c_str());  // the last one named is the one that failed
        // A copy of its own size on the heap: a read beyond the end is then seen by a sanitizer.
        std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
        copy.shrink_to_fit();
        LLVMFuzzerTestOneInput(copy.data(), copy.size());
    }
    std::printf("%zu inputs\n", files.size());
    return files.empty() ? 1 : 0;
}
