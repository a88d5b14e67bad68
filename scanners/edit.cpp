#include "scanners/edit.hpp"

namespace scanners {

base::Result<EditAnswer> edit(std::string_view mail, const EditRequest& request, const policy::ContentLimits& limits,
                              const Judges& judges) {
    if (!request.removals.empty() || request.clean)
        return base::error("nothing can be removed");
    return EditAnswer{};
}

}  // namespace scanners
