// How the C library's allocator is set up for `run`, which allocates and frees many small pieces: objects of JSON.
#pragma once

namespace nocobase_operator::io {

// Starts this program anew in its place, so that each thread keeps more freed pieces for itself (glibc reads that from
// GLIBC_TUNABLES and only when a program starts). Returns where that is done already, where somebody has set
// GLIBC_TUNABLES, and where it cannot be done: then everything works and takes more processor time. What this program
// starts later inherits nothing of it. `argv` is main's; to be called before anything is opened or started.
void enlarge_thread_caches(char** argv);

// One arena for all threads, and what is large is given back at once. To be called before threads are started.
void bound_arenas();

}  // namespace nocobase_operator::io
