// What a file's name promises, and whether its content keeps the promise. Pure.
#pragma once

#include <string>
#include <string_view>

#include "policy/contents.hpp"

namespace policy {

// The extension of a file name in lower case, without the dot; what Windows ignores at the end (dots, blanks) is
// ignored. Empty: none.
std::string extension_of(std::string_view name);

// Runs when it is opened, on some system that people have: "exe", "scr", "js", "lnk" ...
bool is_program_extension(std::string_view extension);
// The content is a program or a script, whatever it is called.
bool is_program_type(std::string_view true_type);

// "invoice.pdf.exe" or "invoice.pdf      .exe": an extension that looks harmless before one that is a program's.
bool has_double_extension(std::string_view name);

// The content contradicts the name or the declared type: a program that says it is something else, or one of the types
// that everybody knows that is another one of them. Types that are unknown contradict nothing.
bool type_mismatch(const Item& item);

}  // namespace policy
