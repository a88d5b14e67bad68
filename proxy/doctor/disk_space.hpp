// Disk: whether there is room where mail, its journal and the quarantine are written. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "doctor/finding.hpp"

namespace doctor {

struct DiskFacts {
    std::string what;  // "spool_directory"
    std::string path;
    std::string missing;     // why it cannot be asked; empty: it can
    std::uint64_t free = 0;  // octets, for others than root
    std::uint64_t size = 0;
    std::uint64_t free_inodes = 0;
    std::uint64_t inodes = 0;  // 0: the file system has no such limit
    std::uint64_t floor = 0;   // below this mail waits (spool_disk_floor ...); 0: no such setting
};
Finding judge_disk(const DiskFacts& facts);

}  // namespace doctor
