//! How the rooms that write files turn their deliberate defects on: one for the whole process, since they work on threads of their own.

/// Makes `choose` and `on` for an enum of defects that is `repr(u8)` and begins at 1. They go by the feature `faults` of the crate that
/// uses this: without it `on` is constantly false and costs nothing.
#[macro_export]
macro_rules! faults_of_the_process {
    ($fault:ty) => {
        #[cfg(feature = "faults")]
        static CHOSEN: ::std::sync::atomic::AtomicU8 = ::std::sync::atomic::AtomicU8::new(0);

        /// Chooses the defect of the whole process, or none.
        #[cfg(feature = "faults")]
        pub fn choose(fault: Option<$fault>) {
            CHOSEN.store(fault.map_or(0, |fault| fault as u8), ::std::sync::atomic::Ordering::SeqCst);
        }

        /// Whether this defect is chosen.
        #[cfg(feature = "faults")]
        pub(crate) fn on(fault: $fault) -> bool {
            CHOSEN.load(::std::sync::atomic::Ordering::SeqCst) == fault as u8
        }

        /// Whether this defect is chosen: never, in this build.
        #[cfg(not(feature = "faults"))]
        pub(crate) const fn on(_fault: $fault) -> bool {
            false
        }
    };
}
