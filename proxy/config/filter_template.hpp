// FilterTemplate: a search filter for a directory (RFC 4515) with places for an address, as Postfix's query_filter has
// them: %s the address, %u what is before its last @, %d what is behind it, %% a per cent sign.
//
// Whatever an address holds, it stays within the value it is put in: what would end or widen a value is escaped (RFC
// 4515 section 3), or "*" would be everybody's address. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace config {

class FilterTemplate {
  public:
    // Error: what is wrong where, counted in characters from 1; a template in which no address has a place is refused.
    static base::Result<FilterTemplate> parse(std::string_view text);

    [[nodiscard]] std::string fill(std::string_view address) const;

  private:
    struct Piece {
        std::string text;
        char place = '\0';  // s, u, d; what follows the text; none: it is the last
    };
    std::vector<Piece> pieces_;
};

// One value, so that it can stand in a filter.
std::string escape_filter_value(std::string_view value);

}  // namespace config
