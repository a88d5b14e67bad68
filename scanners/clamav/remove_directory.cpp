// Any process, any thread; no state. Whatever is not simply a directory with nothing but files in it is left to
// libclamav.
#include "scanners/clamav/remove_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/worker/directory_entries.hpp"

namespace scanners::clamav {
namespace {

bool remove_files_in(const char* name) {
    const base::UniqueFd directory(::open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return directory && visit_entries(directory.get(), [&](const char* file) {
               return is_dots(file) || ::unlinkat(directory.get(), file, 0) == 0;
           });
}

}  // namespace

void link_remove_directory() {}

}  // namespace scanners::clamav

extern "C" {

__attribute__((visibility("default"))) int cli_rmdirs(const char* name);

int cli_rmdirs(const char* name) {
    using namespace scanners::clamav;
    static auto* const library = in_library<decltype(cli_rmdirs)>("cli_rmdirs");
    if (::rmdir(name) == 0)
        return 0;
    if (errno == ENOTEMPTY && remove_files_in(name) && ::rmdir(name) == 0)
        return 0;
    return library(name);
}
}
