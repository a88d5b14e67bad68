// Bombs: each limit holds, is told by name, and what is beyond it is marked as not looked at.
#include <doctest/doctest.h>

#include "made.hpp"

namespace {

using made::look;

// `layers` archives around one program.
std::string nested(int layers) {
    std::string octets = made::program();
    for (int i = 0; i < layers; ++i)
        octets = made::zip({{"n", octets}});
    return octets;
}

bool any_unopened(const made::Look& seen) {
    for (const auto& item : seen.contents.items) {
        if (item.is(policy::Mark::kUnopened))
            return true;
    }
    return false;
}

}  // namespace

TEST_CASE("layers") {
    CHECK(look(nested(16)).reached() == "");
    CHECK(look(nested(16)).contents.items.back().true_type == "application/vnd.microsoft.portable-executable");
    const auto seen = look(nested(20));
    CHECK(seen.reached() == "layers");
    CHECK(seen.contents.items.size() == 17);
    CHECK(seen.contents.items.back().is(policy::Mark::kUnopened));
}

TEST_CASE("files") {
    std::vector<made::ZipPart> parts;
    for (int i = 0; i < 1001; ++i)
        parts.push_back({"f" + std::to_string(i), "x"});
    const auto seen = look(made::zip(parts));
    CHECK(seen.reached() == "files");
    CHECK(seen.contents.items.size() == 1001);
    CHECK(seen.top().is(policy::Mark::kUnopened));
    parts.pop_back();
    CHECK(look(made::zip(parts)).reached() == "");
    for (auto& part : parts)
        part = {"directory/", ""};
    parts.push_back({"directory/", ""});
    CHECK(look(made::zip(parts)).reached() == "files");
}

TEST_CASE("ratio: only of what is big") {
    CHECK(look(made::archive("raw", {{"", std::string(1 << 20, '\0')}}, "gzip")).reached() == "");
    const auto seen = look(made::archive("raw", {{"", std::string(8 << 20, '\0')}}, "gzip"));
    CHECK(seen.reached() == "ratio");
    CHECK(seen.top().is(policy::Mark::kUnopened));
    CHECK(seen.contents.items.at(1).size < (2 << 20));  // stopped there
}

TEST_CASE("expanded size counts what comes out, not what is declared") {
    policy::ContentLimits limits;
    limits.expanded_size = 100000;
    limits.ratio = 1000000;
    auto part = made::ZipPart{"big", made::deflated(std::string(1 << 20, 'x'))};
    part.method = 8;
    part.declared = 10;
    const auto seen = look(made::zip({part, {"next", "x"}}), "z", limits);
    CHECK(seen.reached() == "expanded_size");
    CHECK(seen.find("z/next") == nullptr);
    CHECK(seen.find("z/big")->size <= 100000);
    CHECK(any_unopened(seen));
}

TEST_CASE("members that lie over each other are counted each time") {
    std::vector<made::ZipPart> parts{{"0", made::deflated(std::string(1 << 20, 'x'))}};
    parts[0].method = 8;
    for (int i = 1; i < 900; ++i) {
        parts.push_back(parts[0]);
        parts.back().name = std::to_string(i);
        parts.back().at_part = 0;
    }
    policy::ContentLimits limits;
    limits.expanded_size = 20 << 20;
    limits.ratio = 1000000;
    CHECK(look(made::zip(parts), "z", limits).reached() == "expanded_size");
}

TEST_CASE("scan time") {
    policy::ContentLimits limits;
    limits.scan_time = std::chrono::seconds(0);
    const auto seen = look(nested(3), "z", limits);
    CHECK(seen.reached() == "scan_time");
    CHECK(seen.contents.items.size() == 1);
    CHECK(seen.top().is(policy::Mark::kUnopened));
}

TEST_CASE("a file that declares more than it has") {
    auto tar = made::archive("pax", {{"huge", std::string(1000, 'x')}});
    const auto at = tar.find("huge");
    REQUIRE(at != std::string::npos);
    tar.replace(at + 124, 12, std::string("77777777777\0", 12));
    unsigned sum = 0;
    tar.replace(at + 148, 8, "        ");
    for (std::size_t i = 0; i < 512; ++i)
        sum += static_cast<unsigned char>(tar[at + i]);
    char text[9];
    std::snprintf(text, sizeof text, "%06o", sum);
    tar.replace(at + 148, 8, std::string(text) + std::string("\0 ", 2));
    const auto seen = look(tar, "z");
    CHECK(seen.marks("z/huge").find("unopened") != std::string::npos);
}

TEST_CASE("the same limit is told once, with the most that was seen") {
    policy::Contents contents;
    const policy::ContentLimits limits;
    scanners::Opening opening(limits, contents);
    opening.add({});
    opening.exceeded(policy::ContentLimit::kLayers, 0, 17);
    opening.exceeded(policy::ContentLimit::kLayers, 0, 19);
    opening.exceeded(policy::ContentLimit::kLayers, 0, 18);
    REQUIRE(contents.exceeded.size() == 1);
    CHECK(contents.exceeded[0].value == 19);
}

TEST_CASE("more items than an answer holds") {
    policy::Contents contents;
    const policy::ContentLimits limits;
    scanners::Opening opening(limits, contents);
    for (std::size_t i = 0; i < policy::kMaxItems; ++i)
        REQUIRE(opening.add({}).has_value());
    CHECK_FALSE(opening.add({}).has_value());
    REQUIRE(contents.exceeded.size() == 1);
    CHECK(contents.exceeded[0].limit == policy::ContentLimit::kFacts);
}
