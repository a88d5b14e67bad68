#include "base/result.hpp"

#include <cerrno>
#include <system_error>

namespace base {

Error errno_error(std::string_view what) {
    const int code = errno;
    return error("{}: {}", what, std::generic_category().message(code));
}

}  // namespace base
