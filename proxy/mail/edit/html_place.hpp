// Where in an HTML text something can stand that everybody sees: inside the body, outside of comments, scripts and
// tags.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace mail::edit {

struct HtmlPlaces {
    std::optional<std::size_t> start;  // behind <body ...>, else </head>, else <html ...>, else the beginning
    std::optional<std::size_t> end;    // before the last </body>, else the last </html>, else the end; nothing: it ends
                                       // inside of something
};

// Of a text in a character set that is built on ASCII. Linear.
HtmlPlaces find_html_places(std::string_view html);

}  // namespace mail::edit
