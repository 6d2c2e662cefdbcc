//! How the allocator of the C library is to treat memory, for servers that stay small.

/// Gives large blocks back to the system as soon as they are free, and keeps few arenas. Call it before there are
/// threads.
///
/// A hash of a password takes 19 MiB for a moment, a long line up to 16. Left to itself, glibc raises its threshold for
/// own mappings when such a block is freed, and keeps later ones in arenas: a server of 15 MiB stays at 130 after some
/// sign-ins.
#[allow(unsafe_code)]
pub fn settle() {
    #[cfg(target_env = "gnu")]
    // SAFETY: there is one thread, as said above, and both calls set a number. One that is refused changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
        libc::mallopt(libc::M_ARENA_MAX, 2);
        // Streams free and take blocks all the time: the end of the heap isn't given back and asked for each time.
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 << 20);
    }
}

/// Gives memory back that a storm of requests left free between what is still in use. Takes some milliseconds at most;
/// for a task that does so from time to time.
#[allow(unsafe_code)]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: may be called at any time from any thread; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
