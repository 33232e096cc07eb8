//! The numbers on the wire and what they mean: both programs' only table.

macro_rules! codes {
    ($($number:literal $name:ident $about:literal,)*) => {
        /// What an answer says, as a number.
        ///
        /// 250 to 258, 800 to 802, 900 and 901 are the numbers that clients of the old programs
        /// know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The number on the wire.
            pub fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// What it means, for documents and for people.
            pub fn about(self) -> &'static str {
                match self { $(Code::$name => $about,)* }
            }

            /// The code with this number.
            pub fn of(number: u16) -> Option<Code> {
                match number { $($number => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    200 Done "done",
    220 Greeted "version agreed",
    221 Parting "goodbye",
    250 BadField "invalid command format: a field is missing or malformed",
    251 UnknownCommand "invalid command",
    252 BadArgument "invalid argument: a field is out of range",
    253 LoginRefused "wrong user name or password",
    254 LoggedIn "passed authentication",
    255 BadPath "no usable file name was given",
    256 NotFound "the file does not exist on the server",
    257 Sent "the file was sent",
    258 Sums "here is the digest",
    260 NeedLogin "log in first",
    261 Denied "permission denied",
    262 Exists "something is there already, and it differs or was not compared",
    263 IsDirectory "a folder is there",
    264 NotDirectory "not a folder",
    265 NotEmpty "the folder is not empty",
    266 NotRegular "neither a file nor a folder",
    267 Busy "another session writes there",
    268 Superseded "a newer session of the same account took the upload over",
    269 WrongState "not in this state",
    270 OverQuota "over quota",
    271 DiskFull "the server's disk is full",
    272 ServerFault "the server failed; its log says why",
    273 Changed "the file changed while it was being read",
    274 BadOffset "an offset where nothing may be",
    275 Unsupported "not supported",
    276 TooMany "over a limit of the program",
    277 Misused "an admin command that is not of its form; the text says what is expected",
    278 NeedPassword "the admin command needs a password; send it again with the record",
    279 NotSure "the admin command destroys something; ask the user, and send it again",
    280 Challenge "prove that you know the password",
    281 Waiting "the request was taken and waits for an answer",
    282 Admitted "the request was approved; log in",
    283 NameTaken "the name is taken",
    284 CodeRefused "the invitation is unknown, used up or too old",
    285 RegistrationClosed "registration is closed",
    286 Unknown "no such account, request or session",
    287 NeedAdmin "only an admin may do this",
    288 Banned "this account cannot log in for now; the text says why",
    289 Slowed "too many failed logins as this account; try again, and the attempt keeps its place",
    290 NeedTls "log in over an encrypted connection",
    291 Intercepted "the login is for another channel than this one: somebody is between",
    420 TimedOut "a deadline passed; the connection ends",
    421 Stopping "the server is stopping; the connection ends, resume later",
    422 Full "too many at one time; the connection ends, try again later",
    423 Malformed "not a frame, or damaged on the way; the connection ends, connect again",
    424 TooLarge "a frame over the limit; the connection ends",
    425 AccountClosed "the account was closed; the connection ends",
    426 Unproven "the other side could not prove itself; the connection ends",
    427 Ended "an admin ended the session; the connection ends",
    428 AddressBanned "this address is banned for now; the text says how long",
    800 PartThere "the file exists, but not enough of it; resume?",
    801 AlreadyThere "the file exists, equal",
    802 Ready "ready to receive",
    900 Verified "digest equal",
    901 Mismatch "digest differs; send again",
}

impl Code {
    /// Whether the request did what it asked for.
    pub fn is_success(self) -> bool {
        use Code::*;
        matches!(
            self,
            Done | Greeted
                | Parting
                | LoggedIn
                | Sent
                | Sums
                | Challenge
                | Waiting
                | Admitted
                | PartThere
                | AlreadyThere
                | Ready
                | Verified
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_read_back() {
        for (i, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::of(code.number()), Some(*code));
            assert!(Code::ALL[..i].iter().all(|c| c.number() < code.number()), "in order");
        }
        assert_eq!(Code::of(0), None);
    }
}
