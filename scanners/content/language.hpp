// In which language a text is written, by the frequency of its letters and groups of letters (libexttextcat).
//
// Tables are read from files once, in the zygote; a worker opens none.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace scanners::content {

class Languages {
  public:
    // Error: the library's tables cannot be read.
    static base::Result<Languages> load();

    // Its ISO 639-1 code, "de"; empty: the text is too short to tell, or no language fits. `text`: UTF-8 without
    // markup. Looks at the first words only, so a long text takes no longer than a letter.
    [[nodiscard]] std::string of(std::string_view text) const;

  private:
    struct Close {
        void operator()(void* handle) const;
    };
    explicit Languages(void* handle) : handle_(handle) {}

    std::unique_ptr<void, Close> handle_;
};

}  // namespace scanners::content
