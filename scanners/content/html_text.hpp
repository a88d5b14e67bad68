// The text of HTML, as a reader sees it.
//
// Pure; time and memory linear in the HTML; no recursion but one level for comments. Reads as browsers do (HTML
// standard, 13.2.5), so that a keyword which markup breaks is found: tags and comments vanish, character references are
// decoded, elements that begin a line become line ends. Style sheets are not evaluated, only `style` and `hidden` of an
// element itself.
#pragma once

#include <string>
#include <string_view>

namespace scanners::content {

// First what is shown, then a line each: what is hidden (display:none, comments for one program, what a tag without its
// end swallowed), targets of links, texts for pictures, titles. Nothing that somebody could read is lost, and nothing
// hidden stands inside a word that is shown. Script and style are left out. At most html.size() octets, and one line
// end.
std::string html_to_text(std::string_view html);

}  // namespace scanners::content
