// A function of libclamav behind ours of the same name. Any process, any thread.
#pragma once

#include <dlfcn.h>

namespace scanners::clamav {

template <typename Function>
Function* in_library(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace scanners::clamav
