// The content of one of Sendmail's maps, as keys and values, from its text or its database.
//
// Tables are read whole and then left alone: a database that makemap(8) rewrites in place is never looked at meanwhile.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "directory/sendmail_cf.hpp"

namespace directory {

using MapTable = std::unordered_map<std::string, std::string>;

inline constexpr std::size_t kMaxMapSize = 512 << 20;  // octets of a file
inline constexpr std::size_t kMaxMapEntries = 5'000'000;

// Pure. A text map by its columns; an alias file as newaliases(1) reads it; a file of class words.
MapTable parse_text_map(std::string_view text, const MapDeclaration& map);
MapTable parse_alias_file(std::string_view text);
void parse_class_file(std::string_view text, const ClassDeclaration::File& file, std::set<std::string>& words);

// A hash or btree of Berkeley DB, with the lock that makemap(8) and newaliases(1) respect (flock). Keys and values lose
// the NUL at their end. Error: cannot be opened or read, somebody writes it now, `wanted` is not in it (newaliases puts
// "@" in last: without, the database is half made).
base::Result<MapTable> read_database(const std::string& path, std::string_view wanted = {});

}  // namespace directory
