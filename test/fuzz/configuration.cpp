// sandwich.ini: whatever is in it, there are settings or an error with a line, and settings can be printed and read
// again to the same.
#include <algorithm>

#include "config/load.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

config::Machine machine() {
    return {"host.test", {*net::Address::parse("192.0.2.1"), *net::Address::parse("127.0.0.1")}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::as_text(data, size);
    const auto loaded = config::parse(text, machine());
    const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
    bool error = false;
    for (const auto& diagnostic : loaded.diagnostics) {
        require(diagnostic.line <= lines, "a line that is there");
        require(!diagnostic.text.empty(), "a diagnostic says something");
        const auto printed = config::format("sandwich.ini", diagnostic);
        require(std::none_of(printed.begin(), printed.end(),
                             [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; }),
                "in one printable line");
        error = error || diagnostic.severity == config::Diagnostic::Severity::kError;
    }
    require(loaded.diagnostics.size() <= config::kMaxDiagnostics + 1, "diagnostics are bounded");
    require(loaded.settings.has_value() != error, "settings or an error");
    if (!loaded.settings)
        return 0;
    const auto printed = config::print(*loaded.settings);
    const auto again = config::parse(printed, machine());
    require(again.settings.has_value(), "what we print can be read");
    require(*again.settings == *loaded.settings, "and means the same");
    require(config::print(*again.settings) == printed, "and prints the same");
    require(config::changed_without_restart(*loaded.settings, *again.settings).empty() &&
                !config::scanner_settings_differ(*loaded.settings, *again.settings),
            "so a reload changes nothing");
    return 0;
}
