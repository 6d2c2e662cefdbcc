//! Answers on their way, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many answers are on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<AtomicUsize>);

/// One answer on its way, until it is dropped.
#[derive(Debug)]
pub(super) struct Flight(Arc<AtomicUsize>);

impl Flights {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn start(&self) -> Flight {
        self.0.fetch_add(1, Ordering::SeqCst);
        Flight(Arc::clone(&self.0))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
