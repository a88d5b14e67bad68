// Encrypted PDFs, for tests: each with a script at its start and an embedded "setup.exe".
#pragma once

#include "made.hpp"

namespace made {

// Owner's password only: everybody can read them.
Files pdfs_for_everybody();
Files pdfs_with_a_password();

}  // namespace made
