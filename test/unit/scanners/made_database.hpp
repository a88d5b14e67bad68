// libclamav itself with signatures that a test makes up.
#pragma once

#include <clamav.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "scanners/clamav/layout.hpp"
#include "test/unit/temporary_directory.hpp"

namespace made {

inline std::string hex(std::string_view text) {
    std::string made;
    for (const char c : text)
        made += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return made;
}

inline void silence_libclamav() {
    cl_set_clcb_msg([](cl_msg /*severity*/, const char* /*full*/, const char* /*text*/, void* /*context*/) {});
}

inline bool is_known_version() {
    return std::string_view(cl_retver()).starts_with(scanners::clamav::layout::kVersion);
}

// Files of signatures; removed with the object.
class Directory {
  public:
    const std::string& path() const { return made_.path(); }
    void write(const std::string& name, const std::string& line) const {
        std::ofstream(std::filesystem::path(path()) / name, std::ios::app) << line << '\n';
    }

  private:
    TemporaryDirectory made_;
};

class Engine {
  public:
    // Of one file; a signature that libclamav refuses is an error.
    explicit Engine(const std::string& directory) : engine_(cl_engine_new(), cl_engine_free) {
        unsigned count = 0;
        REQUIRE(cl_engine_set_num(engine_.get(), CL_ENGINE_DISABLE_CACHE, 1) == CL_SUCCESS);
        REQUIRE(cl_load(directory.c_str(), engine_.get(), &count, CL_DB_STDOPT) == CL_SUCCESS);
        REQUIRE(cl_engine_compile(engine_.get()) == CL_SUCCESS);
    }

    cl_engine* get() const { return engine_.get(); }

    // What it found, or "".
    std::string scan(std::string_view text) {
        if (text.empty())
            return {};
        cl_scan_options options{};
        options.general = CL_SCAN_GENERAL_HEURISTICS;
        options.parse = ~0U;
        const char* name = nullptr;
        unsigned long scanned = 0;
        const std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)> map(cl_fmap_open_memory(text.data(), text.size()),
                                                                       cl_fmap_close);
        const auto code = cl_scanmap_callback(map.get(), nullptr, &name, &scanned, engine_.get(), &options, nullptr);
        return code == CL_VIRUS ? std::string(name) : code == CL_CLEAN ? std::string() : std::to_string(code);
    }

  private:
    std::unique_ptr<cl_engine, decltype(&cl_engine_free)> engine_;
};

}  // namespace made
