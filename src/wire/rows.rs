//! The macro that makes messages of rows: a struct, its writer, its reader and its table for the
//! documents.

macro_rules! rust_type {
    ($l:lifetime text) => { &$l str };
    ($l:lifetime bytes) => { &$l [u8] };
    ($l:lifetime rest) => { &$l [u8] };
    ($l:lifetime shared) => { std::borrow::Cow<$l, str> };
    ($l:lifetime kind) => { ListedKind };
    ($l:lifetime $number:ident) => { $number };
}

/// What the constructor of a message takes for a field.
macro_rules! argument_type {
    ($l:lifetime shared) => { impl Into<std::borrow::Cow<$l, str>> };
    ($l:lifetime kind) => { impl Into<ListedKind> };
    ($l:lifetime $kind:ident) => { rust_type!($l $kind) };
}

macro_rules! argument {
    ($value:ident, shared) => {
        $value.into()
    };
    ($value:ident, kind) => {
        $value.into()
    };
    ($value:ident, $kind:ident) => {
        $value
    };
}

/// The form of a field as documents call it.
macro_rules! form {
    (shared) => {
        "text"
    };
    (kind) => {
        "u8"
    };
    ($kind:ident) => {
        stringify!($kind)
    };
}

macro_rules! own_field {
    ($value:expr, shared) => {
        std::borrow::Cow::Owned($value.into_owned())
    };
    ($value:expr, $kind:ident) => {
        $value
    };
}

macro_rules! write_field {
    ($sink:ident, $value:expr, shared) => {
        $sink.text(&$value)
    };
    ($sink:ident, $value:expr, kind) => {
        $sink.u8($value.byte())
    };
    ($sink:ident, $value:expr, rest) => {
        $sink.raw($value)
    };
    ($sink:ident, $value:expr, $kind:ident) => {
        $sink.$kind($value)
    };
}

macro_rules! read_field {
    ($fields:ident, $name:ident, shared) => {
        $fields.text(stringify!($name))?.into()
    };
    ($fields:ident, $name:ident, kind) => {
        ListedKind::from($fields.u8(stringify!($name))?)
    };
    ($fields:ident, $name:ident, rest) => {
        $fields.rest()
    };
    ($fields:ident, $name:ident, $kind:ident) => {
        $fields.$kind(stringify!($name))?
    };
}

/// Declares messages as rows: name, what it is, and for each field its name, form and meaning.
macro_rules! messages {
    (@rows $table:ident $(
        $(#[$about:meta])* $name:ident { $($field:ident: $kind:ident = $means:literal,)* }
    )*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug, PartialEq, Eq)]
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
                pub fn new($($field: argument_type!('a $kind)),*) -> $name<'a> {
                    $name {
                        $($field: argument!($field, $kind),)*
                        borrowed: std::marker::PhantomData,
                    }
                }
            }

            impl<'a> Message<'a> for $name<'a> {
                fn encode(&self, sink: &mut Sink) {
                    let _: &Sink = sink;
                    $(write_field!(sink, self.$field, $kind);)*
                }

                #[allow(unused_variables, reason = "a message without fields reads none")]
                fn read(fields: &mut Fields<'a>) -> Result<Self> {
                    Ok($name {
                        $($field: read_field!(fields, $field, $kind),)*
                        borrowed: std::marker::PhantomData,
                    })
                }
            }
        )*

        /// The messages above with their fields.
        pub(super) const $table: &[crate::wire::MessageRow] = &[
            $((stringify!($name), &[$((stringify!($field), form!($kind), $means),)*]),)*
        ];
    };
    ($table:ident $(
        $(#[$about:meta])* $name:ident { $($field:ident: $kind:ident = $means:literal,)* }
    )*) => {
        messages! { @rows $table
            $($(#[$about])* #[derive(Copy)] $name { $($field: $kind = $means,)* })*
        }
    };
}

/// Declares messages whose values outlive the frame that they came in.
macro_rules! kept_messages {
    ($table:ident $(
        $(#[$about:meta])* $name:ident { $($field:ident: $kind:ident = $means:literal,)* }
    )*) => {
        messages! { @rows $table
            $($(#[$about])* $name { $($field: $kind = $means,)* })*
        }

        $(
            impl $name<'_> {
                /// A copy that borrows nothing.
                pub fn into_owned(self) -> $name<'static> {
                    $name {
                        $($field: own_field!(self.$field, $kind),)*
                        borrowed: std::marker::PhantomData,
                    }
                }
            }

            impl ListRow for $name<'static> {
                fn read_one(fields: &mut Fields<'_>) -> Result<Self> {
                    Ok($name::read(fields)?.into_owned())
                }
            }
        )*
    };
}
