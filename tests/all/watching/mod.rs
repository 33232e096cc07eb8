//! What an operator sees of a running server, and what the server does beside serving.

mod hooks;
mod metrics;
mod prompt;
mod top;
mod who;
