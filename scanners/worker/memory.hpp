// What a worker's heap does with memory that has been freed. Workers only; the state is the C library's.
#pragma once

namespace scanners {

// In a new worker: what it frees is kept for the next file.
void keep_heap();

// After each mail: what is kept beyond some MiB goes back to the system.
void shrink_heap();

}  // namespace scanners
