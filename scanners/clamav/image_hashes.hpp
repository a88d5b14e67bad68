// libclamav makes a fuzzy hash of every picture: it decodes it whole, which takes from milliseconds to seconds. The
// hash is compared with the parts of logical signatures that are such hashes ("fuzzy_img#..."), and used for nothing
// else; with signatures of which none has one, it is made for nothing.
//
// Linked into a program, image_hashes.cpp stands in front of the function of libclamav that takes the parts of logical
// signatures while they are loaded, and looks at each.
#pragma once

namespace scanners::clamav {

// Before signatures are loaded, in the thread that does. What was seen before is forgotten.
void watch_for_image_hashes();

// Since then. True as well when it cannot be known: no part came by, or the library is another one.
bool image_hashes_wanted();

}  // namespace scanners::clamav
