#!/usr/bin/env python3
"""A client of the miniftp framed protocol, written from PROTOCOL.md alone.

    client.py -u USER [-s HOST] [-P PORT] ls [PATH]
    client.py -u USER [-s HOST] [-P PORT] put [--overwrite] LOCAL REMOTE
    client.py -u USER [-s HOST] [-P PORT] get [--overwrite] REMOTE LOCAL

The password is read from MINIFTP_PASSWORD. What was cut off goes on where it was. All of it is
encrypted; --tls preferred goes on without if the server offers no TLS.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 stopped by --stop-after.
"""

import argparse, base64, hashlib, hmac, io, os, re, secrets, socket, ssl, struct, sys, time, zlib

CHUNK = 65_536      # bytes of a chunk (section 4)
FRAME = 16          # chunks in a frame at most
WINDOW = 16_384     # chunks that HELD and SUMS are asked for at once
IN_FLIGHT = 8       # CHUNK frames sent ahead of their answers
ENTRY = ">BBQqIHQ"  # 32 bytes: kind, odd, size, mtime_secs, mtime_nanos, mode, version


def shown(words):
    """Names and texts may hold anything: those with control characters are quoted and escaped."""
    return words if words.isprintable() else repr(words)


def fail(words):
    sys.exit(f"client.py: {shown(words)}")


def text(words):
    """A text as a field (section 1); struct does the numbers."""
    return struct.pack(">H", len(words.encode())) + words.encode()


def split_text(fields):
    """The text at the beginning of some fields, and the fields behind it."""
    end = 2 + int.from_bytes(fields[:2], "big")
    return fields[2:end].decode(), fields[end:]


def end_point(certificate):
    """What names a channel for tls-server-end-point (section 11): the digest of the certificate by
    the hash of its own signature, whose identifiers are those of RSA and ECDSA with SHA-2."""
    for last, ecdsa, name in (12, 3, "sha384"), (13, 4, "sha512"):
        rsa = bytes.fromhex("2a864886f70d0101") + bytes([last])
        if rsa in certificate or bytes.fromhex("2a8648ce3d0403") + bytes([ecdsa]) in certificate:
            return hashlib.new(name, certificate).digest()
    return hashlib.sha256(certificate).digest()


def scram(password, bare, nonce, challenge, covered=b"n,,"):
    """The client's final message (section 3), and the server's that must answer it."""
    match = re.fullmatch(rf"(r={re.escape(nonce)}[^,]+),s=([\w+/=]+),i=(\d{{4,7}})", challenge)
    if not match or not 4_096 <= int(match[3]) <= 5_000_000:
        fail("the server's challenge is malformed or unreasonable")
    salt = base64.b64decode(match[2])
    final = f"c={base64.b64encode(covered).decode()},{match[1]}"
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, int(match[3]))
    key, server_key = (hmac.digest(salted, b, "sha256") for b in (b"Client Key", b"Server Key"))
    said = f"{bare},{challenge},{final}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
    verdict = base64.b64encode(hmac.digest(server_key, said, "sha256")).decode()
    return f"{final},p={proof}", f"v={verdict}"


class Link:
    """A connection that is logged in; answers come in the order of the requests (section 2)."""

    def __init__(self, args):
        self.sock = socket.create_connection((args.server, args.port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.sock.makefile("rb")
        self.unanswered = 0
        if "tls" in self.greeted():
            self.ask([200], "TLS")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # No authority is asked: the login itself proves the server, and covers the channel.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            self.sock = context.wrap_socket(self.sock)
            # What came in clear and was not read yet is forgotten with the old reader.
            self.stream = self.sock.makefile("rb")
            self.greeted()
            header = "p=tls-server-end-point,,"
            channel = end_point(self.sock.getpeercert(True))
        elif args.tls == "required":
            fail("the server offers no TLS")
        else:
            header, channel = "y,,", b""  # a server that did offer it will notice
        nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        bare = f"n={args.user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self.ask([220], "HELLO", struct.pack(">H", 1) + text("client.py 1"))
        _, fields = self.ask([280], "LOGIN", text(header + bare))
        password, challenge = os.environb[b"MINIFTP_PASSWORD"], split_text(fields)[0]
        final, verdict = scram(password, bare, nonce, challenge, header.encode() + channel)
        _, fields = self.ask([254], "PROOF", text(final))
        # Only a server that holds the account's record can say this; no other receives more.
        if not hmac.compare_digest(split_text(fields)[0].encode(), verdict.encode()):
            fail("the server could not prove that it knows the account")

    def greeted(self):
        """What the greeting offers."""
        _, fields = self.answer([b"G"])
        magic, fields = split_text(fields)
        if magic != "miniftp":
            fail("not a miniftp server")
        _, fields = split_text(fields[2:])  # behind the version, the server's software
        return split_text(fields[12:])[0].split()

    def send(self, name, fields=b"", data=b""):
        head = b"R" + bytes([len(name)]) + name.encode() + fields
        sizes = struct.pack(">II", len(head), len(data))
        frame = memoryview(sizes + zlib.crc32(sizes + head).to_bytes(4, "big") + head + data)
        while frame:  # not sendall, which would have one deadline for all of it
            frame = frame[self.sock.send(frame):]
        self.unanswered += 1

    def answer(self, codes, each=None):
        """The code and the fields of the next answer. Another code than these is a refusal, and
        the end; so is 901, damage on the way. What comes before goes to `each(fields, data)`."""
        while True:
            prefix = self.stream.read(12) or fail("the connection ended")
            head_size, data_size, check = struct.unpack(">III", prefix)
            # Nothing is read, let alone kept, before its length is known to be allowed.
            if not 1 <= head_size <= 65_536 or data_size > FRAME * CHUNK:
                fail("a frame over the limit")
            head, data = self.stream.read(head_size), self.stream.read(data_size)
            if zlib.crc32(prefix[:8] + head) != check or len(data) < data_size:
                fail("a damaged frame, or only a part of one")
            kind, fields = head[:1], head[1:]
            if kind == b"M" and each:
                each(fields, data)
            elif kind in (b"A", b"B"):  # B: the server's last words
                code, (words, fields) = int.from_bytes(fields[:2], "big"), split_text(fields[2:])
                self.unanswered -= 1
                return (code, fields) if code in codes else fail(f"{code} {words}")
            elif kind != b"L":
                return (kind, fields) if kind in codes else fail("a frame out of place")

    def ask(self, codes, name, fields=b"", each=None):
        while self.unanswered:
            self.answer([900])
        self.send(name, fields)
        return self.answer(codes, each)


def sums_of(stream):
    """The digest of every chunk (section 4) up to the end of a file, or of a frame's data."""
    return [hashlib.md5(chunk).digest() for chunk in iter(lambda: stream.read(CHUNK), b"")]


def lacking(link, mine, total, name, before=b"", after=b""):
    """Compares my digests with those that HELD or SUMS gives, window by window. Yields rows of
    chunks, as first and count: those that differ, then all beyond the end of the comparison.
    A row must be dealt with at once: asking HELD for a window accepts everything before it."""
    end, last = 0, False
    while end < len(mine) and not last:
        theirs, count = [], min(WINDOW, len(mine) - end)
        fields = before + struct.pack(">QI", end * CHUNK, count) + after
        link.ask([258], name, fields, lambda piece, _: theirs.extend(
            piece[n:n + 16] for n in range(8, len(piece), 16)))  # they come in order, without gaps
        yield from ((n, 1) for n, (a, b) in enumerate(zip(mine[end:], theirs), end) if a != b)
        end, last = end + len(theirs), len(theirs) < count
    if end < total:
        yield end, total - end


def put(args, local, remote):
    """Sends any file (section 5); STORE would be quicker for small ones."""
    with open(local, "rb") as file:
        # All is hashed before there is a connection: the server does not wait for ever.
        sums, stat = sums_of(file), os.fstat(file.fileno())
        size, mtime = stat.st_size, divmod(stat.st_mtime_ns, 10**9)
        mode = stat.st_mode & 0o777
        digest = struct.pack(">H", 16) + hashlib.md5(b"".join(sums)).digest()
        link, about = Link(args), struct.pack(">QqIHB", size, *mtime, mode, args.overwrite) + digest
        code, _ = link.ask([802, 800, 801], "PUT", text(remote) + about)
        if code == 801:
            return link, f"equal {shown(remote)}: {size} bytes"
        sent, held = 0, sums if code == 800 else []  # 800: there is a part to compare with
        for first, count in lacking(link, held, len(sums), "HELD"):
            for at in range(first, first + count, FRAME):
                row = sums[at:min(at + FRAME, first + count)]
                file.seek(at * CHUNK)
                data = file.read(len(row) * CHUNK)
                sent += len(data)
                if sent > args.stop_after:
                    link.ask([200], "PING")  # so that a test knows what the server has
                    sys.exit(3)
                while link.unanswered >= IN_FLIGHT:
                    link.answer([900])
                link.send("CHUNK", struct.pack(">Q", at * CHUNK) + b"".join(row), data)
        link.ask([900], "DONE", digest)
    return link, f"stored {shown(remote)}: {size} bytes, {size - sent} kept"


def get(args, remote, local):
    """Fetches a file (section 6) into LOCAL.part, or goes on with it, and renames that at last."""
    if os.path.exists(local) and not args.overwrite:
        fail(f"{local} is there; --overwrite replaces it")
    name, came = local + ".part", 0
    mine = sums_of(open(name, "rb")) if os.path.exists(name) else []
    link = Link(args)
    _, fields = link.ask([200], "STAT", text(remote))
    kind, _, size, secs, nanos, _, version = struct.unpack_from(ENTRY, fields)
    if kind != ord("f"):
        fail(f"{remote} is not a file")
    with open(name, "r+b" if mine else "wb") as part:
        def piece(fields, data):
            nonlocal came
            at, these = int.from_bytes(fields[:8], "big"), sums_of(io.BytesIO(data))
            if b"".join(these) != fields[8:] or at != (first + len(sums)) * CHUNK:
                fail("a piece came damaged, or does not belong here")
            part.seek(at)
            part.write(data[:args.stop_after - came])
            came += len(data)
            if came > args.stop_after:
                sys.exit(3)
            sums.extend(these)

        # Should the file become another one meanwhile, SUMS and GET are refused with 273.
        this, total = struct.pack(">Q", version), -(-size // CHUNK)
        for first, count in lacking(link, mine[:total], total, "SUMS", text(remote), this):
            sums, row = [], struct.pack(">QQ", first * CHUNK, count * CHUNK)
            _, fields = link.ask([257], "GET", text(remote) + row + this, piece)
            if fields[-16:] != hashlib.md5(b"".join(sums)).digest():
                fail("the digest of what came differs")
        part.truncate(size)
    os.utime(name, ns=(secs * 10**9 + nanos,) * 2)
    os.replace(name, local)
    return link, f"fetched {shown(local)}: {size} bytes, {size - came} kept"


def ls(args, path=""):
    def part(fields, _):
        while fields:
            kind, _, size, secs, _, _, _ = struct.unpack_from(ENTRY, fields)
            name, fields = split_text(fields[32:])
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(secs))
            print(f"{kind:c} {size:>14} {when} {shown(name)}")
    link = Link(args)
    _, fields = link.ask([200], "LS", text(path), part)
    return link, f"{int.from_bytes(fields, 'big')} entries"


def self_test():  # the example of RFC 7677
    nonce = "rOprNGfwEbeRWgbNEkqO"
    challenge = f"r={nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final, verdict = scram(b"pencil", f"n=user,r={nonce}", nonce, challenge)
    assert final.endswith(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert verdict == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    covered = b"p=tls-server-end-point,," + bytes(range(32))
    final, verdict = scram(b"pencil", f"n=user,r={nonce}", nonce, challenge, covered)
    assert final.endswith(",p=nY1Wus9a+gM2DrbQ1msXFgyhW6KM5ktOxWiU+/P/EGY=")
    assert verdict == "v=RwppMGddhz/J0lFYaRReBjXcQeNUFP5Qc76Lo5Exrig="


def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description="A client of the miniftp framed protocol.")
    parser.add_argument("-s", "--server", default="localhost")
    parser.add_argument("-P", "--port", type=int, default=2020)
    parser.add_argument("-u", "--user", required=True)
    parser.add_argument("--tls", choices=["required", "preferred"], default="required")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--stop-after", type=int, default=2**63, help="bytes before it hangs up")
    parser.add_argument("command", choices=["ls", "put", "get"])
    parser.add_argument("paths", nargs="*")
    args = parser.parse_intermixed_args()
    if len(args.paths) not in ((0, 1) if args.command == "ls" else (2,)):
        parser.error("ls takes at most one path, put and get take two")
    try:
        link, words = {"ls": ls, "put": put, "get": get}[args.command](args, *args.paths)
        link.send("BYE")
    except (OSError, ValueError, KeyError, struct.error) as why:
        fail(f"{type(why).__name__}: {why}")
    print(words)


if __name__ == "__main__":
    self_test() if sys.argv[1:] == ["--self-test"] else main()
