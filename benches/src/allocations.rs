//! An allocator that counts, so that "none per token" is a figure and not a claim.
//!
//! A count costs about a nanosecond and is taken of everything that this program does, limits and peers included.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread.
struct Counting;

/// Allocations of this thread so far, growing what there is included.
pub(crate) fn of_this_thread() -> u64 {
    COUNT.get()
}

/// None while a thread ends.
fn count() {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[allow(unsafe_code)]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_and_a_vector_that_grows_are_counted() {
        let before = of_this_thread();
        drop(std::hint::black_box(Box::new(7)));
        assert_eq!(of_this_thread() - before, 1);
        let mut bytes: Vec<u8> = Vec::with_capacity(8);
        bytes.extend_from_slice(std::hint::black_box(&[0; 9]));
        assert_eq!(of_this_thread() - before, 3);
        let sum: u64 = (0..std::hint::black_box(100)).sum();
        assert_eq!((sum, of_this_thread() - before), (4950, 3));
    }
}
