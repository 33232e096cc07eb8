"""Everything that Python's ftplib can do, against a server on this machine.

Arguments: port, account, password. It prints "done" if all went as it should.
"""

import ftplib
import io
import random
import sys

PORT, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CONTENT = random.Random(1).randbytes(3_000_001)
TEXT = ["one", "two words", "", "umlaut \u00fc"]


def connect():
    ftp = ftplib.FTP(timeout=50)
    ftp.connect("127.0.0.1", PORT)
    ftp.login(USER, PASSWORD)
    return ftp


def fetch(ftp, name, rest=None):
    came = bytearray()
    ftp.retrbinary("RETR " + name, came.extend, rest=rest)
    return bytes(came)


def refused(code, call, *args):
    try:
        call(*args)
    except ftplib.Error as error:
        assert str(error).startswith(code), error
    else:
        raise AssertionError(f"{args} was not refused with {code}")


def binary(ftp):
    ftp.storbinary("STOR file", io.BytesIO(CONTENT))
    ftp.voidcmd("TYPE I")
    assert ftp.size("file") == len(CONTENT)
    assert fetch(ftp, "file") == CONTENT
    for rest in (1, 70_000, len(CONTENT) - 1, len(CONTENT)):
        assert fetch(ftp, "file", rest) == CONTENT[rest:]
    refused("554", fetch, ftp, "file", len(CONTENT) + 1)
    # A new tail behind the first megabyte.
    ftp.storbinary("STOR file", io.BytesIO(b"tail"), rest=1 << 20)
    assert fetch(ftp, "file") == CONTENT[: 1 << 20] + b"tail"
    ftp.storbinary("APPE file", io.BytesIO(b" and more"))
    assert fetch(ftp, "file") == CONTENT[: 1 << 20] + b"tail and more"
    told = ftp.storbinary("STOU", io.BytesIO(b"unique"))
    assert told.startswith("226"), told
    assert "file.1" in ftp.nlst() and fetch(ftp, "file.1") == b"unique"
    ftp.delete("file.1")


def text(ftp):
    lines = "".join(line + "\r\n" for line in TEXT).encode()
    ftp.storlines("STOR text", io.BytesIO(lines))
    assert fetch(ftp, "text") == "".join(line + "\n" for line in TEXT).encode()
    came = []
    ftp.retrlines("RETR text", came.append)
    assert came == TEXT, came
    ftp.voidcmd("TYPE A")
    refused("550", ftp.size, "text")


def folders(ftp):
    assert ftp.mkd("a b") == "/a b"
    assert ftp.mkd('a b/say "hi"') == '/a b/say "hi"'
    ftp.cwd('a b/say "hi"')
    assert ftp.pwd() == '/a b/say "hi"', ftp.pwd()
    ftp.storbinary("STOR \u00fc", io.BytesIO(b"12345"))
    assert ftp.nlst() == ["\u00fc"]
    assert ftp.nlst("../") == ['../say "hi"'], ftp.nlst("../")
    ftp.cwd("..")
    assert ftp.pwd() == "/a b"
    facts = dict(ftp.mlsd('say "hi"', ["type", "size"]))
    assert facts == {"\u00fc": {"type": "file", "size": "5"}}, facts
    lines = []
    ftp.dir('say "hi"', lines.append)
    assert len(lines) == 1 and lines[0].startswith("-rw") and lines[0].endswith(" \u00fc"), lines
    refused("550", ftp.rmd, 'say "hi"')
    ftp.rename('say "hi"/\u00fc', "moved")
    assert fetch(ftp, "moved") == b"12345"
    ftp.storbinary("STOR other", io.BytesIO(b"other"))
    ftp.rename("other", "moved")
    assert fetch(ftp, "moved") == b"other"
    ftp.delete("moved")
    refused("550", ftp.delete, "moved")
    ftp.rmd('say "hi"')
    ftp.cwd("/")
    ftp.rmd("a b")
    refused("550", ftp.cwd, "a b")
    refused("550", ftp.rename, "missing", "other")


def aborted(ftp):
    # More than the sockets on the way hold, so that the transfer is still running.
    many = CONTENT * 10
    ftp.storbinary("STOR large", io.BytesIO(many))
    ftp.voidcmd("TYPE I")
    data = ftp.transfercmd("RETR large")
    begin = data.recv(10_000)
    told = ftp.abort()
    assert told.startswith("426"), told
    data.close()
    assert many.startswith(begin)
    # The second answer, to the ABOR itself.
    assert ftp.getmultiline().startswith("226")
    ftp.voidcmd("NOOP")
    assert fetch(ftp, "large") == many
    ftp.delete("large")
    ftp.storbinary("STOR file", io.BytesIO(CONTENT))


def both_ways(ftp):
    for passive in (False, True):
        ftp.set_pasv(passive)
        binary(ftp)
        text(ftp)
        folders(ftp)
    ftp.set_pasv(True)


def main():
    with connect() as ftp:
        both_ways(ftp)
        aborted(ftp)
        ftp.storbinary("STOR kept", io.BytesIO(b"by ftplib"))
        assert sorted(ftp.nlst()) == ["file", "kept", "text"], ftp.nlst()
        ftp.sendcmd("SYST")
        assert "MLST" in ftp.sendcmd("FEAT")
    with ftplib.FTP() as stranger:
        stranger.connect("127.0.0.1", PORT, timeout=50)
        refused("530", stranger.login, USER, "wrong")
        stranger.login(USER, PASSWORD)
        assert stranger.pwd() == "/"
    print("done")


main()
