//! What is tried with the verbs of files and folders, as in [`super::cases`].

use super::cases::Step;

/// What is there at the begin of each row is told in [`super::cases`].
pub(super) const OF_FILES: &[(&str, &[Step])] = &[
    (
        "CWD",
        &[
            ("CWD d", 250, "\"/d\""),
            ("CWD ..", 250, "\"/\""),
            ("CWD ..", 250, "\"/\""),
            ("CWD /../d", 250, "\"/d\""),
            ("CWD /f", 550, "not a folder"),
            ("CWD missing", 550, "no such"),
            ("CWD .././d/.", 250, "\"/d\""),
            ("CWD /", 250, "\"/\""),
        ],
    ),
    ("XCWD", &[("XCWD d", 250, "\"/d\"")]),
    ("CDUP", &[("CDUP", 250, "\"/\""), ("CWD d", 250, ""), ("CDUP", 250, "\"/\"")]),
    ("XCUP", &[("CWD d", 250, ""), ("XCUP", 250, "\"/\"")]),
    (
        "MKD",
        &[
            ("MKD new", 257, "\"/new\" "),
            ("MKD new", 550, "exists already"),
            ("MKD f", 550, "exists already"),
            ("MKD no/such", 550, "no such"),
            ("CWD new", 250, ""),
            ("MKD say \"hi\"", 257, "\"/new/say \"\"hi\"\"\" "),
            ("CWD say \"hi\"", 250, "\"/new/say \"\"hi\"\"\" "),
            ("PWD", 257, "\"/new/say \"\"hi\"\"\" "),
        ],
    ),
    ("XMKD", &[("XMKD new", 257, "\"/new\" ")]),
    (
        "RMD",
        &[
            ("RMD d", 550, "not empty"),
            ("MKD e", 257, ""),
            ("RMD e", 250, ""),
            ("RMD e", 550, "no such"),
            ("RMD f", 550, "not a folder"),
            ("RMD /", 550, ""),
        ],
    ),
    ("XRMD", &[("MKD e", 257, ""), ("XRMD e", 250, "")]),
    (
        "DELE",
        &[
            ("DELE f", 250, ""),
            ("DELE f", 550, "no such"),
            ("DELE d", 550, "is a folder"),
            ("SIZE d/a.txt", 213, "2"),
        ],
    ),
    (
        "RNFR",
        &[
            ("RNFR missing", 550, "no such"),
            ("RNTO x", 503, "RNFR comes first"),
            ("RNFR missing", 550, "no such"),
            ("RNFR f", 350, ""),
            ("NOOP", 200, ""),
            ("CWD d", 250, ""),
            ("SIZE a.txt", 213, "2"),
            ("RNTO x", 250, ""),
            ("SIZE /d/x", 213, ""),
            ("RNTO x", 503, "RNFR comes first"),
        ],
    ),
    (
        "RNTO",
        &[
            ("RNTO x", 503, "RNFR comes first"),
            ("RNFR f", 350, ""),
            ("RNTO g", 250, ""),
            ("RNTO h", 503, "RNFR comes first"),
            ("SIZE f", 550, "no such"),
            ("RNFR d/a.txt", 350, ""),
            ("RNTO g", 250, ""),
            ("SIZE g", 213, "2"),
            ("RNFR g", 350, ""),
            ("RNTO d", 550, "is a folder"),
            ("RNFR g", 350, ""),
            ("RNTO no/such", 550, "no such"),
            ("RNFR d", 350, ""),
            ("RNTO d/into/itself", 550, ""),
            ("RNFR d", 350, ""),
            ("RNTO e", 250, ""),
            ("SIZE e/b.txt", 213, "0"),
        ],
    ),
    (
        "SIZE",
        &[
            ("SIZE f", 213, "6"),
            ("SIZE d", 550, "is a folder"),
            ("SIZE missing", 550, "no such"),
            ("TYPE A", 200, ""),
            ("SIZE f", 550, "TYPE I"),
        ],
    ),
    (
        "MDTM",
        &[
            ("MDTM f", 213, "20200913122640"),
            ("MDTM d", 550, "is a folder"),
            ("MDTM missing", 550, "no such"),
        ],
    ),
    (
        "MFMT",
        &[
            ("MFMT 20010203040506 f", 213, "Modify=20010203040506; /f"),
            ("MDTM f", 213, "20010203040506"),
            ("MFMT 20240229235959 f", 213, "Modify=20240229235959; /f"),
            ("MFMT 20230229000000 f", 501, ""),
            ("MFMT 2001 f", 501, ""),
            ("MFMT 20010203040506", 501, ""),
            ("MFMT 20010203040506 missing", 550, "no such"),
            ("MDTM f", 213, "20240229235959"),
        ],
    ),
    (
        "HASH",
        &[
            ("HASH f", 213, SHA256_WITH_RANGE),
            ("OPTS HASH CRC32", 200, "CRC32"),
            ("HASH f", 213, "CRC32 0-6 363a3020 f"),
            ("OPTS HASH MD5", 200, "MD5"),
            ("HASH d/b.txt", 213, "MD5 0-0 d41d8cd98f00b204e9800998ecf8427e d/b.txt"),
            ("HASH d", 550, "is a folder"),
            ("HASH missing", 550, "no such"),
        ],
    ),
    ("XCRC", &[("XCRC f", 250, "363a3020"), ("XCRC \"f\"", 250, "363a3020")]),
    (
        "XMD5",
        &[("XMD5 f", 250, "b1946ac92492d2347c6235b4d2611184"), ("XMD5 missing", 550, "no such")],
    ),
    ("XSHA256", &[("XSHA256 f", 250, SHA256), ("XSHA256 d", 550, "is a folder")]),
    (
        "AVBL",
        &[
            ("AVBL", 213, "10485752"),
            ("AVBL d", 213, "10485752"),
            (">STOR n", 226, ""),
            ("AVBL", 213, "10485747"),
            ("AVBL missing", 550, "no such"),
        ],
    ),
    (
        "STAT",
        &[
            ("STAT", 211, "ann@127.0.0.1, in /."),
            ("STAT d", 212, " a.txt"),
            ("STAT -la d", 212, " b.txt"),
            ("STAT f", 213, " f"),
            ("STAT d/a*", 212, " a.txt"),
            ("STAT missing", 550, "no such"),
        ],
    ),
    (
        "LIST",
        &[
            ("LIST", 425, "comes first"),
            ("<LIST", 226, "drwx"),
            ("<LIST", 226, "8 B of 10.0 MiB used"),
            ("<LIST d", 226, " a.txt\r\n"),
            ("<LIST -la d", 226, " b.txt\r\n"),
            ("<LIST -a -l d", 226, " b.txt\r\n"),
            ("<LIST f", 226, " ann      ann                 6 Sep 13  2020 f\r\n"),
            ("<LIST d/[a]*", 226, " a.txt\r\n"),
            ("<LIST missing", 550, "no such"),
        ],
    ),
    (
        "NLST",
        &[
            ("<NLST", 226, "d\r\n"),
            ("<NLST d", 226, "d/a.txt\r\n"),
            ("<NLST d/*.txt", 226, "d/b.txt\r\n"),
            ("<NLST ?", 226, "f\r\n"),
            ("<NLST f", 226, "f\r\n"),
            ("<NLST *.none", 226, "listed"),
            ("<NLST missing", 550, "no such"),
        ],
    ),
    (
        "MLSD",
        &[
            ("<MLSD d", 226, "type=file;size=2;modify="),
            ("<MLSD", 226, "type=file;size=6;modify=20200913122640;perm=adfrw;UNIX.mode="),
            ("<MLSD f", 501, "MLST"),
            ("<MLSD missing", 550, "no such"),
            // RFC 3659, section 7.2: a folder's name, not a pattern.
            ("<MLSD *", 550, "no such"),
        ],
    ),
    (
        "MLST",
        &[
            ("MLST f", 250, "\n type=file;size=6;modify=20200913122640;perm=adfrw;UNIX.mode="),
            ("MLST d/a.txt", 250, "; /d/a.txt\n"),
            ("MLST", 250, "\n type=dir;modify="),
            ("MLST missing", 550, "no such"),
        ],
    ),
    (
        "REST",
        &[
            ("REST 3", 350, " 3"),
            ("REST some", 501, "number"),
            ("REST -1", 501, "number"),
            ("REST +1", 501, "number"),
            ("REST 18446744073709551616", 501, "number"),
            ("REST 4", 350, " 4"),
            ("<RETR f", 226, "o\n"),
            ("<RETR f", 226, "hello\n"),
            ("REST 4", 350, ""),
            ("PWD", 257, ""),
            ("<RETR f", 226, "o\n"),
        ],
    ),
    (
        "RETR",
        &[
            ("RETR f", 425, "comes first"),
            ("<RETR f", 226, "hello\n"),
            ("<RETR d/b.txt", 226, "sent"),
            ("<RETR d", 550, "is a folder"),
            ("<RETR missing", 550, "no such"),
            ("REST 7", 350, ""),
            ("<RETR f", 554, "6 would be right"),
        ],
    ),
    (
        "STOR",
        &[
            ("STOR n", 425, "comes first"),
            ("SIZE n", 550, ""),
            (">STOR n", 226, "5 bytes"),
            ("SIZE n", 213, "5"),
            (">STOR f", 226, "5 bytes"),
            ("XMD5 f", 250, "827ccb0eea8a706c4c34a16891f84e7b"),
            (">STOR d", 550, "is a folder"),
            (">STOR no/such", 550, "no such"),
            (">STOR /", 550, ""),
        ],
    ),
    (
        "APPE",
        &[
            (">APPE f", 226, "11 bytes"),
            ("<RETR f", 226, "hello\n12345"),
            (">APPE n", 226, "5 bytes"),
            ("SIZE n", 213, "5"),
            // A REST does not count for it.
            ("REST 3", 350, ""),
            (">APPE n", 226, "10 bytes"),
            ("<RETR n", 226, "1234512345"),
        ],
    ),
    (
        "STOU",
        &[
            (">STOU", 226, "5 bytes"),
            ("SIZE file", 213, "5"),
            (">STOU f", 226, "5 bytes"),
            ("SIZE f.1", 213, "5"),
            ("SIZE f", 213, "6"),
            (">STOU d/new", 226, "5 bytes"),
            ("SIZE d/new", 213, "5"),
        ],
    ),
    ("ABOR", &[("ABOR", 226, ""), ("EPSV", 229, ""), ("ABOR", 226, ""), ("LIST", 425, "")]),
    (
        "SITE",
        &[
            ("SITE HELP", 214, "QUOTA"),
            ("SITE quota", 200, "limit 10485760 bytes"),
            ("SITE CHMOD 600 f", 200, "set"),
            ("SITE CHMOD 800 f", 501, "CHMOD MODE PATH"),
            ("SITE CHMOD 600 nix", 550, "no such file"),
            ("SITE EXEC ls", 500, "SITE HELP"),
        ],
    ),
];

const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const SHA256_WITH_RANGE: &str =
    "SHA-256 0-6 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 f";
