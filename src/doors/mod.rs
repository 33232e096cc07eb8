//! The doors: each turns what its peer sends into calls on a [`crate::session::Session`] and turns
//! the results into its own replies. A door owns its socket and its loop; nothing below calls up.

pub mod framed;
