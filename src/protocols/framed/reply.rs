//! Errors and results as answers: the only place where an error becomes a code of this protocol.

use crate::error::{Banned, Error, HomeRefused};
use crate::wire::{self, Bad, Code, FrameKind, Message, Sink, There};

/// The final answer to a request.
#[derive(Clone, Debug)]
pub(super) struct Response {
    code: Code,
    text: String,
    fields: Sink,
}

impl Response {
    /// An answer without fields.
    pub(super) fn new(code: Code, text: impl Into<String>) -> Response {
        Response { code, text: text.into(), fields: Sink::new() }
    }

    /// An answer with fields.
    pub(super) fn with<'a>(
        code: Code,
        text: impl Into<String>,
        fields: &impl Message<'a>,
    ) -> Response {
        Response { code, text: text.into(), fields: fields.fields() }
    }

    /// What a refusal looks like; some carry fields of their own.
    pub(super) fn refusal(error: &Error) -> Response {
        let fields = match error {
            Error::Exists { size, .. } => There::new(*size, 1, 1).fields(),
            Error::Mismatch { bad } => Bad::new(*bad).fields(),
            _ => Sink::new(),
        };
        Response { code: code_of(error), text: error.to_string(), fields }
    }

    /// The refusal where something is in the way: whether it may be looked at, and replaced.
    pub(super) fn in_the_way(error: &Error, (known, replaceable): (bool, bool)) -> Response {
        let mut answer = Response::refusal(error);
        if let Error::Exists { size, .. } = error {
            answer.fields = There::new(*size, known.into(), replaceable.into()).fields();
        }
        answer
    }

    /// Appends the answer's frame.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_as(FrameKind::Answer, out);
    }

    /// Appends the last words' frame.
    pub(super) fn write_bye(&self, out: &mut Vec<u8>) {
        self.write_as(FrameKind::Bye, out);
    }

    fn write_as(&self, kind: FrameKind, out: &mut Vec<u8>) {
        let mut sink = Sink::new();
        wire::put_answer_head(&mut sink, self.code, &self.text);
        sink.raw(self.fields.as_bytes());
        wire::frame(out, kind, &sink);
    }
}

/// The number for an error. There is no `_` here on purpose: a new error must be given its number.
pub(in crate::protocols) fn code_of(error: &Error) -> Code {
    match error {
        Error::NeedLogin => Code::NeedLogin,
        Error::NeedTls => Code::NeedTls,
        Error::Banned { what: Banned::Account, .. } => Code::Banned,
        Error::Slowed => Code::Slowed,
        Error::Banned { what: Banned::Address, .. } => Code::AddressBanned,
        Error::LoginRefused => Code::LoginRefused,
        Error::Intercepted(_) => Code::Intercepted,
        Error::NeedAdmin => Code::NeedAdmin,
        Error::Home { why: HomeRefused::Mounted(_) | HomeRefused::WasMounted, .. } => Code::Denied,
        Error::Home { why: HomeRefused::Moved, .. } => Code::NotFound,
        Error::NameTaken { .. } | Error::Home { .. } => Code::NameTaken,
        Error::CodeRefused => Code::CodeRefused,
        Error::RegistrationClosed => Code::RegistrationClosed,
        Error::Unknown { .. } => Code::Unknown,
        Error::Denied { .. } | Error::Mounted { .. } => Code::Denied,
        Error::BadPath { .. } => Code::BadPath,
        Error::NotFound { .. } => Code::NotFound,
        Error::Exists { .. } => Code::Exists,
        Error::IsDirectory { .. } => Code::IsDirectory,
        Error::NotDirectory { .. } => Code::NotDirectory,
        Error::NotEmpty { .. } => Code::NotEmpty,
        Error::NotRegular { .. } => Code::NotRegular,
        Error::Busy { .. } => Code::Busy,
        Error::Superseded { .. } => Code::Superseded,
        Error::OverQuota { .. } | Error::TooManyEntries { .. } => Code::OverQuota,
        Error::Mismatch { .. } | Error::WholeMismatch => Code::Mismatch,
        Error::BadOffset { .. } => Code::BadOffset,
        Error::Changed { .. } | Error::Unmounted => Code::Changed,
        Error::UnknownCommand { .. } => Code::UnknownCommand,
        Error::BadField { .. } => Code::BadField,
        Error::BadArgument { .. } => Code::BadArgument,
        Error::Misused(_) => Code::Misused,
        Error::NeedPassword { .. } => Code::NeedPassword,
        Error::NotSure(_) => Code::NotSure,
        Error::WrongState { .. } => Code::WrongState,
        Error::Unsupported { .. } => Code::Unsupported,
        Error::TooMany { .. } | Error::TooLong { .. } | Error::TooBig => Code::TooMany,
        Error::DiskFull | Error::DiskReserve { .. } => Code::DiskFull,
        Error::Io { .. } => Code::ServerFault,
        Error::Malformed { .. } | Error::Handshake { .. } => Code::Malformed,
        Error::TooLarge { .. } => Code::TooLarge,
        Error::TimedOut { .. } => Code::TimedOut,
        Error::AccountClosed => Code::AccountClosed,
        Error::Ended => Code::Ended,
        Error::Full { .. } | Error::Displaced => Code::Full,
        Error::Stopping => Code::Stopping,
        Error::ServerUnproven => Code::Unproven,
        Error::Gone | Error::Interrupted => Code::Parting,
    }
}
