//! The macro that makes messages of rows: a struct, its writer, its reader and its table for the
//! documents.

macro_rules! rust_type {
    ($l:lifetime text) => { &$l str };
    ($l:lifetime bytes) => { &$l [u8] };
    ($l:lifetime rest) => { &$l [u8] };
    ($l:lifetime $number:ident) => { $number };
}

macro_rules! write_field {
    ($sink:ident, $value:expr, rest) => {
        $sink.raw($value)
    };
    ($sink:ident, $value:expr, $kind:ident) => {
        $sink.$kind($value)
    };
}

macro_rules! read_field {
    ($fields:ident, $name:ident, rest) => {
        $fields.rest()
    };
    ($fields:ident, $name:ident, $kind:ident) => {
        $fields.$kind(stringify!($name))?
    };
}

/// Declares messages as rows: name, what it is, and for each field its name, form and meaning.
macro_rules! messages {
    ($table:ident $(
        $(#[$about:meta])* $name:ident { $($field:ident: $kind:ident = $means:literal,)* }
    )*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name<'a> {
                $(#[doc = $means] pub $field: rust_type!('a $kind),)*
                /// Messages without text or bytes borrow nothing; this keeps them of one form.
                #[doc(hidden)]
                pub borrowed: std::marker::PhantomData<&'a ()>,
            }

            impl<'a> $name<'a> {
                /// Builds one from its fields, in the order of the wire.
                #[allow(
                    clippy::too_many_arguments,
                    clippy::new_without_default,
                    reason = "a row of fields, as on the wire"
                )]
                pub fn new($($field: rust_type!('a $kind)),*) -> $name<'a> {
                    $name { $($field,)* borrowed: std::marker::PhantomData }
                }
            }

            impl<'a> Message<'a> for $name<'a> {
                fn encode(&self, sink: &mut Sink) {
                    let _: &Sink = sink;
                    $(write_field!(sink, self.$field, $kind);)*
                }

                #[allow(unused_mut, reason = "a message without fields reads none")]
                fn decode(mut fields: Fields<'a>) -> Result<Self> {
                    let message = $name {
                        $($field: read_field!(fields, $field, $kind),)*
                        borrowed: std::marker::PhantomData,
                    };
                    fields.end()?;
                    Ok(message)
                }
            }
        )*

        /// The messages above with their fields.
        pub(super) const $table: &[crate::wire::MessageRow] = &[
            $((stringify!($name), &[$((stringify!($field), stringify!($kind), $means),)*]),)*
        ];
    };
}
