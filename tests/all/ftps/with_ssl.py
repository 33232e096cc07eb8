"""A client of FTP over TLS without manners: one case a run, which prints `done` if all went well."""

import ftplib
import io
import socket
import ssl
import sys

CASE, HOST, PORT, USER, PASSWORD = sys.argv[1:6]
PORT = int(PORT)
WORDS = sys.argv[6:]


def context(most=None):
    it = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    it.check_hostname = False
    it.verify_mode = ssl.CERT_NONE
    if most:
        it.maximum_version = most
    return it


CONTEXT = context()


class Reusing(ftplib.FTP_TLS):
    """Data connections resume the session of the control connection."""

    session = None

    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            session = self.session or self.sock.session
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=session)
        return conn, size


class Talk:
    """The control connection, raw."""

    def __init__(self, port=PORT, encrypted=True):
        self.tcp = socket.create_connection((HOST, port), 60)
        self.rest = b""
        self.context = CONTEXT
        self.expect(220)
        if encrypted:
            self.ask("AUTH TLS", 234)
            self.encrypt()

    def encrypt(self):
        self.tcp = self.context.wrap_socket(self.tcp)

    def log_in(self):
        self.ask("USER " + USER, 331)
        self.ask("PASS " + PASSWORD, 230)
        self.ask("TYPE I", 200)
        self.ask("PBSZ 0", 200)
        self.ask("PROT P", 200)
        return self

    def send(self, text):
        self.tcp.sendall(text.encode())

    def line(self):
        while b"\n" not in self.rest:
            got = self.tcp.recv(4096)
            if not got:
                raise EOFError("hung up: %r" % self.rest)
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def reply(self):
        first = self.line()
        lines = [first]
        while first[3] == "-" and not lines[-1].startswith(first[:3] + " "):
            lines.append(self.line())
        return int(first[:3]), "\n".join(lines)

    def expect(self, *codes):
        code, text = self.reply()
        assert code in codes, (codes, text)
        return text

    def ask(self, line, *codes):
        self.send(line + "\r\n")
        code, text = self.reply()
        assert code in codes, (line, codes, text)
        return text

    def data(self):
        text = self.ask("EPSV", 229)
        return socket.create_connection((HOST, int(text.split("|")[3])), 60)

    def begin(self, command, session=True):
        """A transfer over an encrypted data connection that has begun."""
        tcp = self.data()
        self.ask(command, 150)
        return self.context.wrap_socket(tcp, session=self.tcp.session if session else None)


def read_all(data):
    all_of_it = b""
    while True:
        some = data.recv(65536)
        if not some:
            return all_of_it
        all_of_it += some


def injected():
    """What somebody puts behind AUTH TLS is never run, nor is what was said before it."""
    talk = Talk(encrypted=False)
    talk.ask("USER " + USER, 331)
    talk.ask("PASS " + PASSWORD, 230)
    talk.ask("TYPE I", 200)
    bad = "AUTH TLS\r\nUSER %s\r\nPASS %s\r\nMKD evil\r\n" % (USER, PASSWORD)
    talk.send(bad + "NOOP\r\n" * int(WORDS[0]))
    talk.expect(234)
    assert not talk.rest, talk.rest
    talk.encrypt()
    assert "End" in talk.ask("FEAT", 211)
    talk.ask("PWD", 530)
    talk.ask("PASS " + PASSWORD, 503)
    talk.log_in()
    talk.ask("CWD evil", 550)


def half_a_command():
    """Nor is what comes after it part of a command that began before it."""
    talk = Talk(encrypted=False)
    talk.send("AUTH TLS\r\nMKD ev")
    talk.expect(234)
    talk.encrypt()
    talk.send("il\r\n")
    talk.expect(500)
    talk.log_in()


def one_record():
    """Commands in one record are all answered, also while a transfer stands still."""
    talk = Talk().log_in()
    talk.send("NOOP\r\nSYST\r\n")
    talk.expect(200)
    talk.expect(215)
    data = talk.begin("RETR large")
    for _ in range(3):
        talk.send("NOOP\r\n" * 150)
        for _ in range(150):
            assert "is running" in talk.expect(200)
    talk.send("STAT\r\nABOR\r\n")
    talk.expect(211)
    talk.expect(426)
    talk.expect(226)
    data.close()
    talk.ask("NOOP", 200)


def truncated():
    """An upload whose end anybody could have made is none, unless its size was announced."""
    talk = Talk().log_in()
    for before, name, ends, codes in [
        ([], "cut", False, [426]),
        (["ALLO 9"], "short", False, [426]),
        (["ALLO 5"], "announced", False, [226]),
        ([], "old", False, [426]),
        ([], "closed", True, [226]),
    ]:
        for line in before:
            talk.ask(line, 200)
        data = talk.begin("STOR " + name)
        data.sendall(b"bytes")
        if ends:
            data.unwrap().close()
        else:
            raw = socket.socket(fileno=data.detach())
            raw.close()
        code, text = talk.reply()
        assert code in codes, (name, text)


def levels():
    """PBSZ, PROT, CCC, AUTH and FEAT by state."""
    talk = Talk(encrypted=False)
    before = talk.ask("FEAT", 211).split("\n")
    assert " AUTH TLS" in before and " PROT" not in before, before
    for line, code in [
        ("PBSZ 0", 503), ("PROT P", 503), ("CCC", 533), ("AUTH", 501), ("AUTH GSSAPI", 504),
        ("AUTH SSL3", 504),
    ]:
        talk.ask(line, code)
    talk.ask("auth tls-c", 234)
    talk.encrypt()
    after = talk.ask("FEAT", 211).split("\n")
    assert " AUTH TLS" not in after and " PBSZ" in after and " PROT" in after, after
    for line, code in [
        ("AUTH TLS", 503), ("PROT P", 503), ("PBSZ x", 501), ("PBSZ 0", 200), ("PROT S", 536),
        ("PROT E", 536), ("PROT X", 504), ("PROT", 501), ("PROT C", 200), ("CCC", 533),
        ("USER " + USER, 331), ("PASS " + PASSWORD, 230), ("TYPE I", 200),
    ]:
        talk.ask(line, code)
    assert "are not (PROT P)" in talk.ask("STAT", 211)
    data = talk.data()
    talk.ask("NLST", 150)
    assert b"f" in read_all(data)
    talk.expect(226)
    talk.ask("PROT P", 200)
    assert "encrypted (TLS 1.3), and so are" in talk.ask("STAT", 211)
    assert b"f" in read_all(talk.begin("NLST"))
    talk.expect(226)
    # The encryption stays, and its level is as at the beginning.
    talk.ask("REIN", 220)
    talk.ask("PROT P", 503)
    talk.ask("PWD", 530)
    talk.log_in()
    # In clear where it was agreed otherwise.
    data = talk.data()
    talk.ask("STOR clear", 150)
    data.sendall(b"in clear, which is no handshake")
    data.shutdown(socket.SHUT_WR)
    talk.expect(426)
    # The older form encrypts data at once.
    talk = Talk(encrypted=False)
    talk.ask("AUTH SSL", 234)
    talk.encrypt()
    talk.ask("USER " + USER, 331)
    talk.ask("PASS " + PASSWORD, 230)
    assert b"f" in read_all(talk.begin("NLST"))
    talk.expect(226)


def required():
    """Where encryption is required nothing passes without it."""
    talk = Talk(encrypted=False)
    said = talk.ask("USER " + USER, 530)
    assert "AUTH TLS" in said and "`miniftp ftp-password`" in said, said
    talk.ask("PASS " + PASSWORD, 503)
    talk.ask("AUTH TLS", 234)
    talk.encrypt()
    talk.ask("USER " + USER, 331)
    talk.ask("PASS " + PASSWORD, 230)
    for line in ["LIST", "RETR f", "STOR new", "MLSD", "APPE f"]:
        talk.ask("EPSV", 229)
        talk.ask(line, 521)
    talk.ask("PBSZ 0", 200)
    talk.ask("PROT C", 534)
    talk.ask("PROT P", 200)
    talk.ask("PROT C", 534)
    talk.ask("TYPE I", 200)
    assert read_all(talk.begin("RETR f")) == b"text"
    talk.expect(226)


def everything():
    """What both kinds of connection promise."""
    most = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": None}[WORDS[0]]
    ftp = (Reusing if WORDS[1] == "reused" else ftplib.FTP_TLS)(context=context(most))
    ftp.connect(HOST, PORT, 60)
    ftp.login(USER, PASSWORD)
    assert ftp.sock.version() == "TLSv" + WORDS[0], ftp.sock.version()
    ftp.prot_p()
    content = bytes(range(256)) * 8000
    for name, size in [("none", 0), ("one", 1), ("record", 16384), ("large", len(content))]:
        ftp.storbinary("STOR " + name, io.BytesIO(content[:size]))
        got = []
        ftp.retrbinary("RETR " + name, got.append)
        assert b"".join(got) == content[:size], name
        assert ftp.size(name) == size
    got = []
    ftp.retrbinary("RETR large", got.append, rest=1_000_001)
    assert b"".join(got) == content[1_000_001:]
    ftp.storbinary("APPE one", io.BytesIO(b"more"))
    ftp.storlines("STOR lines", io.BytesIO(b"a\nb\n"))
    lines = []
    ftp.retrlines("RETR lines", lines.append)
    assert lines == ["a", "b"], lines
    assert sorted(ftp.nlst()) == ["large", "lines", "none", "one", "record"]
    assert len(list(ftp.mlsd())) == 5
    lines = []
    ftp.retrlines("LIST", lines.append)
    assert len(lines) == 5, lines
    for n in range(20):
        ftp.storbinary("STOR many", io.BytesIO(b"%d" % n))
    ftp.quit()


def resumed():
    """With `require`, only what resumes this very session moves anything."""
    other = Talk().log_in()
    talk = Talk().log_in()
    for session in [None, other.tcp.session]:
        tcp = talk.data()
        talk.ask("STOR stolen", 150)
        try:
            data = talk.context.wrap_socket(tcp, session=session)
            data.sendall(b"not mine")
            data.unwrap()
        except OSError:
            pass
        talk.expect(522)
    for n in range(5):
        data = talk.begin("STOR own")
        data.sendall(b"own %d" % n)
        assert data.session_reused
        data.unwrap().close()
        talk.expect(226)


def ended():
    """Aborts, and ends of both sides."""
    talk = Talk().log_in()
    data = talk.begin("STOR part")
    data.sendall(b"x" * 100)
    talk.send("ABOR\r\n")
    talk.expect(426)
    talk.expect(226)
    data.close()
    # A download tells its end within the encryption.
    data = talk.begin("RETR f")
    assert read_all(data) == b"text"
    data.unwrap()
    talk.expect(226)
    # In the middle of a handshake, and instead of one.
    for bytes_of_it in [b"\x16\x03\x01", b"GET / HTTP/1.0\r\n\r\n"]:
        tcp = talk.data()
        talk.ask("NLST", 150)
        tcp.sendall(bytes_of_it)
        tcp.close()
        talk.expect(426)
    tcp = talk.data()
    talk.ask("NLST", 150)
    talk.send("ABOR\r\n")
    talk.expect(426)
    talk.expect(226)
    tcp.close()
    talk.ask("QUIT", 221)
    assert talk.tcp.recv(1) == b""
    # A client that sends no TLS after AUTH gets none of the server's words in clear.
    talk = Talk(encrypted=False)
    talk.ask("AUTH TLS", 234)
    talk.send("USER ann\r\n")
    left = b""
    try:
        while True:
            some = talk.tcp.recv(4096)
            if not some:
                break
            left += some
    except OSError:
        pass
    assert not left or left[0] == 0x15, left


def renewed():
    """A session goes on when the server has got another key: it says so line by line."""
    talk = Talk().log_in()
    print("begun", flush=True)
    sys.stdin.readline()
    for _ in range(2):
        data = talk.begin("RETR f")
        assert data.session_reused
        assert read_all(data) == b"text"
        talk.expect(226)
    again = Talk()
    before, after = talk.tcp.getpeercert(True), again.tcp.getpeercert(True)
    assert before != after, "the new key is shown to new connections"


def implicit():
    """Encrypted from the first byte, files too."""
    tcp = socket.create_connection((HOST, PORT), 60)
    talk = Talk.__new__(Talk)
    talk.context, talk.rest = CONTEXT, b""
    talk.tcp = talk.context.wrap_socket(tcp)
    talk.expect(220)
    talk.ask("AUTH TLS", 503)
    talk.ask("USER " + USER, 331)
    talk.ask("PASS " + PASSWORD, 230)
    talk.ask("TYPE I", 200)
    assert read_all(talk.begin("RETR f")) == b"text"
    talk.expect(226)
    talk.ask("REIN", 220)
    talk.log_in()
    assert read_all(talk.begin("RETR f")) == b"text"
    talk.expect(226)


globals()[CASE]()
print("done")
