//! Structures with the accessors that generated code would have.

/// A structure of public fields, with `get_`, `set_`, `mut_` and `take_` for each.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty [$get:ident $set:ident $mutate:ident $take:ident $return:tt],)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        #[allow(missing_docs, clippy::must_use_candidate, reason = "each is what its name says")]
        impl $name {
            $(
                crate::accessors::getter!($get, $field, $type, $return);
                pub fn $set(&mut self, value: $type) {
                    self.$field = value;
                }
                pub fn $mutate(&mut self) -> &mut $type {
                    &mut self.$field
                }
                pub fn $take(&mut self) -> $type {
                    std::mem::take(&mut self.$field)
                }
            )*
        }
    };
}

/// A getter by value or by reference.
macro_rules! getter {
    ($get:ident, $field:ident, $type:ty, copy) => {
        pub fn $get(&self) -> $type {
            self.$field
        }
    };
    ($get:ident, $field:ident, $type:ty, slice) => {
        pub fn $get(&self) -> &[u64] {
            &self.$field
        }
    };
    ($get:ident, $field:ident, $type:ty, borrow) => {
        pub fn $get(&self) -> &$type {
            &self.$field
        }
    };
}

pub(crate) use getter;
pub(crate) use message;
