//! What is tried with the verbs of the session, row by row; [`super::verbs`] walks through it.

/// A line, the number of its last reply, and words in what is told. `<` in front of the line: with
/// a data connection from which all is read, which the words may be in too. `>`: with one on which
/// [`SENT`] is sent. An empty line: the server hangs up.
pub(super) type Step = (&'static str, u16, &'static str);

pub(super) const SENT: &[u8] = b"12345";

/// At the begin of each row's steps there are `f`, of 6 bytes and an old time, `d/a.txt` of 2 and
/// `d/b.txt` of 0.
pub(super) const OF_THE_SESSION: &[(&str, &[Step])] = &[
    (
        "USER",
        &[
            ("USER nobody", 331, "password required"),
            ("PWD", 530, "log in"),
            ("USER anonymous", 530, "no anonymous access"),
            ("USER", 530, "no anonymous access"),
            ("PASS x", 503, "USER comes first"),
            ("USER ann", 331, "password required"),
            ("PASS ann-secret", 230, "bytes used"),
            ("USER ann", 331, ""),
            ("LIST", 530, "log in"),
        ],
    ),
    (
        "PASS",
        &[
            ("PASS ann-secret", 503, "you are logged in"),
            ("REIN", 220, ""),
            ("PASS ann-secret", 503, "USER comes first"),
            ("USER ann", 331, ""),
            ("PASS ann-secret", 230, "of 10485760 bytes used"),
        ],
    ),
    ("ACCT", &[("ACCT x", 502, ""), ("ACCT", 502, ""), ("PWD", 257, "")]),
    ("REIN", &[("CWD d", 250, ""), ("REIN", 220, ""), ("PWD", 530, ""), ("SYST", 215, "")]),
    ("QUIT", &[("QUIT", 221, "goodbye"), ("", 0, "")]),
    ("BYE", &[("BYE", 221, "goodbye"), ("", 0, "")]),
    (
        "HOST",
        &[
            ("HOST ftp.example.org", 503, "before the login"),
            ("PWD", 257, ""),
            ("REIN", 220, ""),
            ("HOST ftp.example.org", 220, ""),
        ],
    ),
    ("NOOP", &[("NOOP", 200, ""), ("NOOP and more", 200, "")]),
    (
        "HELP",
        &[
            ("HELP", 214, "XSHA256"),
            ("HELP stor", 214, "STOR PATH: receive a file"),
            ("HELP LIST", 214, "LIST [PATH]: a folder, for people"),
            ("HELP QUIT", 214, "QUIT: end the session"),
            ("HELP NOOP", 214, "NOOP: nothing"),
            ("HELP LPRT", 502, "no such verb"),
        ],
    ),
    ("FEAT", &[("FEAT", 211, " REST STREAM")]),
    (
        "OPTS",
        &[
            ("OPTS UTF8 ON", 200, ""),
            ("opts utf8 on", 200, ""),
            ("OPTS UTF8", 200, ""),
            ("OPTS UTF8 OFF", 504, ""),
            ("OPTS MLST size;TYPE;nonsense;", 200, "MLST OPTS type;size;"),
            ("MLST f", 250, " type=file;size=6; /f"),
            ("FEAT", 211, " MLST type*;size*;modify;perm;UNIX.mode;"),
            ("OPTS MLST", 200, "MLST OPTS"),
            ("MLST f", 250, "  /f"),
            ("OPTS HASH", 200, "SHA-256"),
            ("OPTS HASH md5", 200, "MD5"),
            ("FEAT", 211, " HASH SHA-256;MD5*;CRC32"),
            ("OPTS HASH", 200, "MD5"),
            ("OPTS HASH SHA-3", 501, "SHA-256"),
            ("OPTS STOR x", 501, ""),
        ],
    ),
    ("SYST", &[("SYST", 215, "UNIX Type: L8")]),
    ("CLNT", &[("CLNT a client 1.0", 200, "")]),
    ("LANG", &[("LANG", 200, ""), ("LANG en-GB", 200, ""), ("LANG ang", 504, "English")]),
    ("AUTH", &[("AUTH", 501, "an argument is missing")]),
    ("PBSZ", &[("PBSZ 0", 503, "AUTH TLS comes first")]),
    ("PROT", &[("PROT P", 503, "AUTH TLS comes first")]),
    ("CCC", &[("CCC", 533, "is not encrypted")]),
    (
        "TYPE",
        &[
            ("TYPE A", 200, "text"),
            ("type a n", 200, "text"),
            ("TYPE I", 200, "image"),
            ("TYPE L 8", 200, "image"),
            ("TYPE E", 504, ""),
            ("TYPE L 7", 504, ""),
            ("TYPE A T", 504, ""),
            ("STAT", 211, "as image"),
        ],
    ),
    ("STRU", &[("STRU F", 200, ""), ("STRU f", 200, ""), ("STRU R", 504, ""), ("STRU P", 504, "")]),
    ("MODE", &[("MODE S", 200, ""), ("MODE s", 200, ""), ("MODE B", 504, ""), ("MODE Z", 504, "")]),
    (
        "ALLO",
        &[
            ("ALLO 5", 200, " bytes are free"),
            (">STOR n", 226, "5 bytes"),
            ("ALLO 5 R 80", 200, ""),
            ("ALLO many", 501, "number"),
            ("ALLO -1", 501, "number"),
            ("ALLO +1", 501, "number"),
            ("ALLO 99999999999999999999", 501, "number"),
        ],
    ),
    ("PASV", &[("PASV", 227, "(127,0,0,1,"), ("LIST missing", 550, "")]),
    (
        "EPSV",
        &[
            ("EPSV", 229, "(|||"),
            ("EPSV 1", 229, "(|||"),
            ("EPSV 2", 522, "use (1)"),
            ("EPSV 3", 522, "(1,2)"),
            ("EPSV x", 501, ""),
            ("epsv all", 200, ""),
            ("PASV", 503, "EPSV ALL"),
            ("PORT 127,0,0,1,200,1", 503, "EPSV ALL"),
            ("EPRT |1|127.0.0.1|60000|", 503, "EPSV ALL"),
            ("<NLST d", 226, "d/a.txt"),
        ],
    ),
    (
        "PORT",
        &[
            ("PORT 127,0,0,1,200,1", 200, ""),
            ("PORT 127,0,0,2,200,1", 501, "address of the control connection"),
            ("PORT 10,1,2,3,200,1", 501, "address of the control connection"),
            ("PORT 127,0,0,1,3,255", 501, "from 1024 on"),
            ("PORT 127,0,0,1,256,1", 501, ""),
            ("PORT 127,0,0,1", 501, ""),
            // A refused plan leaves none, not the one before.
            ("LIST", 425, ""),
        ],
    ),
    (
        "EPRT",
        &[
            ("EPRT |1|127.0.0.1|60000|", 200, ""),
            ("EPRT |1|127.0.0.2|60000|", 501, "address of the control connection"),
            ("EPRT |2|::1|60000|", 501, "address of the control connection"),
            ("EPRT |1|127.0.0.1|1023|", 501, "from 1024 on"),
            ("EPRT |3|x|60000|", 522, "(1,2)"),
            ("EPRT |1|127.0.0.1|", 501, ""),
            ("LIST", 425, ""),
        ],
    ),
    ("PWD", &[("PWD", 257, "\"/\" "), ("CWD d", 250, ""), ("PWD", 257, "\"/d\" ")]),
    ("XPWD", &[("XPWD", 257, "\"/\" ")]),
];
