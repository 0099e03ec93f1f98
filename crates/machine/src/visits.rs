//! How many records were visited, so that tests can show that a step does not grow with what there is.
//!
//! Counted in this room's own tests, on their own threads; in every other build counting is nothing.

#[cfg(test)]
thread_local! {
    static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts a visit.
#[cfg(test)]
pub(crate) fn count() {
    VISITS.set(VISITS.get() + 1);
}

/// Counts a visit: not in this build.
#[cfg(not(test))]
pub(crate) const fn count() {}

/// How many visits something takes.
#[cfg(test)]
pub(crate) fn of<T>(something: impl FnOnce() -> T) -> (u64, T) {
    let before = VISITS.get();
    let result = something();
    (VISITS.get() - before, result)
}
