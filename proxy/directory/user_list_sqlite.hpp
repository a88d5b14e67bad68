// The user list in an SQLite file: write-ahead log, a connection for each thread that uses it.
#pragma once

#include <memory>
#include <string>

#include "directory/user_list_store.hpp"

namespace directory {

// Opens or makes the file, readable by its owner alone. Error: it cannot be had, it is damaged, or a newer version of
// the program has made it. A damaged file is left as it is: what is in it can mostly be saved.
base::Result<std::unique_ptr<UserStore>> open_sqlite_user_store(const std::string& file);

}  // namespace directory
