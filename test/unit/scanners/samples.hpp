// Mails for the scanner's tests, made at run time: EICAR stands in no file of this tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samples {

std::string eicar();

struct File {
    std::string name;
    std::string bytes;
};

// A zip with stored members.
std::string zip(const std::vector<File>& files);
// A zip with EICAR as a deflated member.
std::string deflated_eicar_zip();
// A zip with one encrypted, harmless member.
std::string encrypted_zip();
// `inner` within `depth` zips, each member's bytes hidden from a reader that does not unpack (deflate is not needed:
// every level is put in base64 text by mail() only at the outside).
std::string nested_zip(std::string inner, unsigned depth);

std::string base64(std::string_view bytes);

// A mail with a text part and attachments in base64.
std::string mail(std::string_view text, const std::vector<File>& attachments = {}, std::string_view header = {});

// A mail that makes the fault scanner do `what`.
std::string fault(std::string_view what);

}  // namespace samples
