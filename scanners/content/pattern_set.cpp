#include "scanners/content/pattern_set.hpp"

#include <algorithm>

namespace scanners::content {
namespace {

// hs_scan() takes a 32-bit length.
constexpr std::size_t kMaxScan = 1U << 30;
// A set that many expressions have to leave, one after the other, is a fault of ours.
constexpr int kMaxAttempts = 50;

struct CompileError {
    hs_compile_error_t* error = nullptr;
    CompileError() = default;
    CompileError(const CompileError&) = delete;
    CompileError& operator=(const CompileError&) = delete;
    ~CompileError() { hs_free_compile_error(error); }
};

base::Error describe(const CompileError& failed) {
    return base::error("Vectorscan: {}", failed.error != nullptr ? failed.error->message : "cannot compile");
}

unsigned flags_of(const PatternSet::Pattern& pattern, PatternSet::Use use) {
    unsigned flags = HS_FLAG_UTF8 | HS_FLAG_SINGLEMATCH;
    if (pattern.caseless)
        flags |= HS_FLAG_CASELESS;
    if (use == PatternSet::Use::kFilter)
        flags |= HS_FLAG_PREFILTER;
    return flags;
}

bool takes(const PatternSet::Pattern& pattern, PatternSet::Use use) {
    hs_expr_info_t* info = nullptr;
    CompileError failed;
    const bool good =
        hs_expression_info(pattern.text.c_str(), flags_of(pattern, use), &info, &failed.error) == HS_SUCCESS;
    ::free(info);
    return good;
}

PatternSet::Use best_use(const PatternSet::Pattern& pattern) {
    for (const auto use : {PatternSet::Use::kExact, PatternSet::Use::kFilter}) {
        if (takes(pattern, use))
            return use;
    }
    return PatternSet::Use::kNone;
}

base::Status provide(const hs_database_t* database, Scratch& scratch) {
    hs_scratch_t* raw = scratch.release();
    const auto result = hs_alloc_scratch(database, &raw);
    scratch.reset(raw);
    if (result != HS_SUCCESS)
        return base::error("Vectorscan: no memory");
    return base::ok();
}

int report(unsigned id, unsigned long long /*from*/, unsigned long long to, unsigned /*flags*/, void* context) {
    const auto& sink = *static_cast<const PatternSet::Sink*>(context);
    return sink(id, static_cast<std::size_t>(to)) ? 0 : 1;
}

}  // namespace

base::Result<PatternSet> PatternSet::literals(const std::vector<Pattern>& patterns, Scratch& scratch) {
    PatternSet set;
    if (patterns.empty())
        return set;
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    std::vector<unsigned> ids;
    for (const auto& pattern : patterns) {
        texts.push_back(pattern.text.data());
        lengths.push_back(pattern.text.size());
        ids.push_back(pattern.id);
    }
    const std::vector<unsigned> flags(patterns.size(), 0);
    hs_database_t* database = nullptr;
    CompileError failed;
    if (hs_compile_lit_multi(texts.data(), flags.data(), ids.data(), lengths.data(),
                             static_cast<unsigned>(patterns.size()), HS_MODE_BLOCK, nullptr, &database,
                             &failed.error) != HS_SUCCESS)
        return describe(failed);
    set.database_.reset(database);
    if (auto provided = provide(database, scratch); !provided)
        return provided.error();
    return set;
}

base::Result<PatternSet> PatternSet::expressions(const std::vector<Pattern>& patterns, std::vector<Use>& uses,
                                                 Scratch& scratch) {
    PatternSet set;
    uses.clear();
    for (const auto& pattern : patterns)
        uses.push_back(best_use(pattern));
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        std::vector<const char*> texts;
        std::vector<unsigned> flags;
        std::vector<unsigned> ids;
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < patterns.size(); ++i) {
            if (uses[i] == Use::kNone)
                continue;
            texts.push_back(patterns[i].text.c_str());
            flags.push_back(flags_of(patterns[i], uses[i]));
            ids.push_back(patterns[i].id);
            places.push_back(i);
        }
        if (texts.empty())
            return set;
        hs_database_t* database = nullptr;
        CompileError failed;
        if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()), HS_MODE_BLOCK,
                             nullptr, &database, &failed.error) == HS_SUCCESS) {
            set.database_.reset(database);
            if (auto provided = provide(database, scratch); !provided)
                return provided.error();
            return set;
        }
        // "Pattern is too large" is only seen here: that one is made easier, then left out.
        if (failed.error == nullptr || failed.error->expression < 0 ||
            static_cast<std::size_t>(failed.error->expression) >= places.size())
            return describe(failed);
        auto& use = uses[places[static_cast<std::size_t>(failed.error->expression)]];
        use = use == Use::kExact ? Use::kFilter : Use::kNone;
    }
    return base::error("Vectorscan: too many regular expressions that are too large");
}

bool PatternSet::scan(std::string_view text, const Scratch& scratch, const Sink& sink) const {
    if (database_ == nullptr)
        return true;
    if (text.size() > kMaxScan)
        return false;
    return hs_scan(database_.get(), text.data(), static_cast<unsigned>(text.size()), 0, scratch.get(), report,
                   const_cast<Sink*>(&sink)) == HS_SUCCESS;
}

std::size_t PatternSet::memory() const {
    std::size_t octets = 0;
    if (database_ == nullptr || hs_database_size(database_.get(), &octets) != HS_SUCCESS)
        return 0;
    return octets;
}

}  // namespace scanners::content
