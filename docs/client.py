#!/usr/bin/env python3
"""A client of the miniftp framed protocol, written from PROTOCOL.md alone.

    client.py [-s HOST] [-P PORT] -u USER ls [PATH]
    client.py [-s HOST] [-P PORT] -u USER put [--overwrite] LOCAL REMOTE
    client.py [-s HOST] [-P PORT] -u USER get [--overwrite] REMOTE LOCAL
    client.py --self-test

The password is read from MINIFTP_PASSWORD. What was cut off goes on where it was.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 stopped by --stop-after.
"""

import argparse
import base64
import hashlib
import hmac
import io
import os
import secrets
import socket
import struct
import sys
import time
import zlib
from collections import deque

CHUNK = 65_536            # bytes of a chunk (section 4)
DATA_MOST = 1_048_576     # bytes of data in a frame, and so of a file that STORE takes
HEAD_MOST = 65_536        # bytes of a head after login
BEFORE_LOGIN = 4_096      # bytes of a whole frame before login
WINDOW = 16_384           # chunks that HELD and SUMS are asked for at once
IN_FLIGHT = 8             # CHUNK frames sent ahead of their answers
TRIES = 3                 # more tries for a damaged chunk
PIECE = "Qr"              # offset, digests
ENTRY = "BBQqIHQt"        # kind, odd, size, mtime_secs, mtime_nanos, mode, version, name


class Failed(Exception):
    """Something is wrong on this side of the line, or with what came over it."""


class Refused(Failed):
    """The server said no: a code and its words."""

    def __init__(self, code, text):
        super().__init__(f"{code} {shown(text)}")


class Stopped(Exception):
    """--stop-after has been reached."""


def shown(name):
    """A name that is safe to print: one with control characters is quoted and escaped."""
    return name if name.isprintable() else repr(name)


# ---- Frames and fields (section 1) ----

def take(stream, count):
    """Exactly so many bytes of a socket's file or of a head."""
    got = stream.read(count)
    if len(got) != count:
        raise Failed("it ends too early: the connection, or a frame's fields")
    return got


def pack(forms, *values):
    """Fields as bytes. B H I Q q are numbers as in struct, t text, y bytes, r the rest."""
    out = b""
    for form, value in zip(forms, values):
        if form in "ty":
            value = value.encode() if form == "t" else value
            out += struct.pack(">H", len(value)) + value
        else:
            out += value if form == "r" else struct.pack(">" + form, value)
    return out


def unpack(forms, stream):
    """The opposite of pack: reads the fields from a stream, and leaves what follows them."""
    values = []
    for form in forms:
        if form in "ty":
            value = take(stream, struct.unpack(">H", take(stream, 2))[0])
            values.append(value.decode() if form == "t" else value)
        elif form == "r":
            values.append(stream.read())
        else:
            values.append(struct.unpack(">" + form, take(stream, struct.calcsize(">" + form)))[0])
    return values


def make_frame(head, data=b""):
    sizes = struct.pack(">II", len(head), len(data))
    return sizes + struct.pack(">I", zlib.crc32(sizes + head)) + head + data


def read_frame(stream, head_most, data_most):
    """The first byte of the head, a stream of its fields, and the data."""
    sizes, check = take(stream, 8), take(stream, 4)
    head_size, data_size = struct.unpack(">II", sizes)
    # Nothing is read, let alone kept, before its length is known to be allowed.
    if not 1 <= head_size <= head_most or data_size > data_most:
        raise Failed("a frame over the limit")
    head = take(stream, head_size)
    if zlib.crc32(sizes + head) != struct.unpack(">I", check)[0]:
        raise Failed("a damaged frame")
    return head[:1], io.BytesIO(head[1:]), take(stream, data_size)


class Link:
    """One connection: sends requests, and reads their answers in the same order."""

    def __init__(self, host, port, stop_after):
        self.sock = socket.create_connection((host, port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.sock.makefile("rb")
        self.limits = (BEFORE_LOGIN - 12, 0)
        self.unanswered = 0
        self.stop_after = stop_after  # content bytes left until the stop; None: no stop

    def __enter__(self):
        return self

    def __exit__(self, trouble, *_):
        try:
            if trouble is None:
                self.ask([221], "BYE")
        except (Failed, OSError):
            pass  # All that matters was answered before.
        finally:
            self.stream.close()
            self.sock.close()

    def send(self, name, forms="", *values, data=b""):
        frame = make_frame(b"R" + pack("B", len(name)) + name.encode() + pack(forms, *values), data)
        if self.stop_after is not None:
            if self.stop_after == 0 or len(data) > self.stop_after:
                self.stop(frame[:len(frame) - len(data) + self.stop_after] if data else b"")
            self.stop_after -= len(data)
        try:
            self.sock.sendall(frame)
        except ConnectionError:
            while True:  # The server's last words say why, if they came through.
                self.answer()
        self.unanswered += 1

    def stop(self, last):
        """Everything before the cut is answered first, so that a test knows what the server has."""
        while self.unanswered:
            self.answer()
        self.sock.sendall(last)
        raise Stopped

    def answer(self, each=None):
        """The next answer as code, text, fields; parts before it go to `each(fields, data)`."""
        while True:
            kind, fields, data = read_frame(self.stream, *self.limits)
            if kind == b"M" and each:
                each(fields, data)
            elif kind == b"A" and self.unanswered:
                self.unanswered -= 1
                return *unpack("Ht", fields), fields
            elif kind == b"B":
                raise Refused(*unpack("Ht", fields))
            elif kind != b"L":
                raise Failed("a frame that does not belong here")

    def expect(self, *codes, each=None):
        """The code and the fields of the next answer; any other code is a refusal."""
        code, text, fields = self.answer(each)
        if code not in codes:
            raise Refused(code, text)
        return code, fields

    def ask(self, codes, name, forms="", *values, data=b"", each=None):
        self.send(name, forms, *values, data=data)
        return self.expect(*codes, each=each)


# ---- Logging in (section 3) ----

def scram(password, bare, nonce, server_first):
    """The client's final message, and the server's final message that must answer it."""
    try:
        (r, both), (s, salt), (i, count) = (p.split("=", 1) for p in server_first.split(",")[:3])
        salt, count = base64.b64decode(salt, validate=True), int(count)
    except ValueError:
        raise Failed("the server's challenge is malformed") from None
    if (r, s, i) != ("r", "s", "i") or not both.startswith(nonce) or both == nonce or not salt:
        raise Failed("the server's challenge is malformed")
    if not 4_096 <= count <= 5_000_000:
        raise Failed(f"the server asks for {count} iterations; that is not reasonable")

    def mac(key, text):
        return hmac.digest(key, text, "sha256")

    salted = hashlib.pbkdf2_hmac("sha256", password, salt, count)
    key = mac(salted, b"Client Key")
    final = f"c=biws,r={both}"
    said = f"{bare},{server_first},{final}".encode()
    signature = mac(hashlib.sha256(key).digest(), said)
    proof = bytes(a ^ b for a, b in zip(key, signature))
    verdict = mac(mac(salted, b"Server Key"), said)
    return f"{final},p={base64.b64encode(proof).decode()}", f"v={base64.b64encode(verdict).decode()}"


def connect(args):
    """A connection that is logged in."""
    if not args.user or "MINIFTP_PASSWORD" not in os.environ:
        raise Failed("give a user with -u and the password in MINIFTP_PASSWORD")
    link = Link(args.server, args.port, getattr(args, "stop_after", None))
    kind, fields, _ = read_frame(link.stream, *link.limits)
    if kind == b"B":
        raise Refused(*unpack("Ht", fields))
    # magic, version, software, chunk_bytes, frame_data_bytes; the rest is of no use here
    magic, version, _, chunk, data_most = unpack("tHtII", fields)
    if kind != b"G" or magic != "miniftp" or version < 1 or chunk != CHUNK or data_most < DATA_MOST:
        raise Failed("not a server that this client understands")
    nonce = base64.b64encode(secrets.token_bytes(18)).decode()
    bare = f"n={args.user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    link.send("HELLO", "Ht", 1, "client.py 1")
    link.send("LOGIN", "t", "n,," + bare)
    _, fields = link.expect(220)
    if unpack("H", fields) != [1]:
        raise Failed("the server agreed to another version")
    _, fields = link.expect(280)
    final, verdict = scram(os.environb[b"MINIFTP_PASSWORD"], bare, nonce, unpack("t", fields)[0])
    _, fields = link.ask([254], "PROOF", "t", final)
    # Only a server that holds the account's record can say this; to any other, nothing more is said.
    if not hmac.compare_digest(unpack("t", fields)[0].encode(), verdict.encode()):
        raise Failed("the server could not prove that it knows the account")
    link.limits = (HEAD_MOST, DATA_MOST)
    return link


# ---- Chunks (section 4), always known by their number: 0, 1, 2 ... ----

def chunk_count(size):
    return -(-size // CHUNK)


def bytes_in(numbers, size):
    """Bytes of these chunks of a file; only its last one can be short."""
    return sum(min(CHUNK, size - number * CHUNK) for number in numbers)


def sums_of(stream):
    """The digest of every chunk up to the end of a file, or of a frame's data."""
    return [hashlib.md5(chunk).digest() for chunk in iter(lambda: stream.read(CHUNK), b"")]


def whole(sums):
    return hashlib.md5(b"".join(sums)).digest()


def split(digests):
    if len(digests) % 16:
        raise Failed("half a digest")
    return [digests[at:at + 16] for at in range(0, len(digests), 16)]


def unequal(mine, theirs, first=0):
    """The numbers of their chunks, the first of which is `first`, that are not mine."""
    return [n for n, digest in enumerate(theirs, first) if n >= len(mine) or mine[n] != digest]


def runs(numbers, most):
    """Rows of consecutive chunks, each as first, count and the tries so far."""
    out = deque()
    for number in numbers:
        if out and sum(out[-1][:2]) == number and out[-1][1] < most:
            out[-1] = (out[-1][0], out[-1][1] + 1, 0)
        else:
            out.append((number, 1, 0))
    return out


def once_more(todo, bad, tries):
    """Puts damaged chunks back to the front, each alone."""
    if bad and tries == TRIES:
        raise Failed("a chunk stays damaged, or its file changed meanwhile")
    todo.extendleft((number, 1, tries + 1) for number in reversed(bad))


def compare(link, mine, known, question):
    """Asks for the digests of the first `known` chunks, window by window. Yields where a window
    ends and which of its chunks differ; the next one is asked for when the caller goes on."""
    at = 0
    while at < known:
        theirs, count = [], min(WINDOW, known - at)

        def piece(fields, _):
            offset, digests = unpack(PIECE, fields)
            if offset != (at + len(theirs)) * CHUNK or len(theirs) > count:
                raise Failed("digests that do not belong here")
            theirs.extend(split(digests))

        _, fields = link.ask([258], *question(at * CHUNK, count), each=piece)
        if chunk_count(*unpack("Q", fields)) != at + len(theirs) or len(theirs) > count:
            raise Failed("digests that do not belong here")
        if not theirs:
            return
        yield at + len(theirs), unequal(mine, theirs, at)
        at += len(theirs)


# ---- Sending (section 5) ----

def put(args):
    with open(args.local, "rb") as file:
        # All is hashed before there is a connection: the server does not wait for ever.
        sums, stat = sums_of(file), os.fstat(file.fileno())
        if chunk_count(stat.st_size) != len(sums):
            raise Failed("the file changed while it was being read")
        with connect(args) as link:
            send = store if stat.st_size <= DATA_MOST else upload
            kept = send(link, args, file, stat.st_size, sums, divmod(stat.st_mtime_ns, 10**9))
    return report("stored", args.remote, stat.st_size, kept)


def report(did, name, size, kept):
    if kept is None:
        return f"equal {shown(name)}: {size} bytes"
    return f"{did} {shown(name)}: {size} bytes, {kept} kept"


def store(link, args, file, size, sums, mtime):
    """A small file in one frame. 0, or None if an equal one is there."""
    file.seek(0)
    data = file.read(size)
    for _ in range(1 + TRIES):
        code, _ = link.ask([900, 801, 901], "STORE", "tqIByr", args.remote, *mtime, args.overwrite,
                           whole(sums), b"".join(sums), data=data)
        if code != 901:
            return None if code == 801 else 0
    raise Failed("a chunk stays damaged, or its file changed meanwhile")


def upload(link, args, file, size, sums, mtime):
    """Any file. The bytes that the server held and that were right, or None if an equal one is there."""
    code, fields = link.ask([802, 800, 801], "PUT", "tQqIBy", args.remote, size, *mtime,
                            args.overwrite, whole(sums))
    if code == 801:
        return None
    held, = unpack("Q", fields) if code == 800 else (0,)
    # HELD gives full chunks, and the short last one only if nothing lacks.
    known = len(sums) if held >= size else held // CHUNK
    end, sent = 0, 0
    for end, differ in compare(link, sums, known, lambda at, count: ("HELD", "QI", at, count)):
        sent += send_chunks(link, file, size, sums, differ)
    sent += send_chunks(link, file, size, sums, range(end, len(sums)))
    _, fields = link.ask([900], "DONE", "y", whole(sums))
    if unpack("Q", fields) != [size]:
        raise Failed("the server stored another number of bytes")
    return size - sent


def send_chunks(link, file, size, sums, numbers):
    """Sends these chunks, several frames ahead of the answers, and damaged ones again."""
    todo, flight = runs(numbers, DATA_MOST // CHUNK), deque()
    while todo or flight:
        if todo and len(flight) < IN_FLIGHT:
            first, count, tries = todo.popleft()
            file.seek(first * CHUNK)
            data = file.read(bytes_in(range(first, first + count), size))
            link.send("CHUNK", PIECE, first * CHUNK, b"".join(sums[first:first + count]), data=data)
            flight.append((first, count, tries))
            continue
        code, fields = link.expect(900, 901)
        first, count, tries = flight.popleft()
        if code == 901:
            bits, = unpack("I", fields)
            bad = [first + n for n in range(count) if bits >> n & 1]
            if not bad:
                raise Failed("the server found damage, and does not say where")
            once_more(todo, bad, tries)
    return bytes_in(numbers, size)


# ---- Fetching (section 6) ----

def local_sums(path):
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return sums_of(file)


def get(args):
    part = args.local + ".part"
    there, held = local_sums(args.local), local_sums(part)
    # If another version comes meanwhile, this is refused with 273; the next call compares anew.
    with connect(args) as link:
        return fetch(link, args, part, there, held)


def fetch(link, args, part, there, held):
    _, fields = link.ask([200], "STAT", "t", args.remote)
    kind, _, size, secs, nanos, _, version, _ = unpack(ENTRY, fields)
    if kind != ord("f"):
        raise Failed(f"{shown(args.remote)} is not a file")
    if os.path.exists(args.local):
        if os.path.getsize(args.local) == size and not lacking(link, args, size, version, there):
            return report("fetched", args.local, size, None)
        if not args.overwrite:
            raise Failed(f"{shown(args.local)} is there and differs; --overwrite replaces it")
    numbers = lacking(link, args, size, version, held)
    with open(part, "r+b" if os.path.exists(part) else "x+b") as file:
        todo = runs(numbers, chunk_count(size))
        while todo:
            first, count, tries = todo.popleft()
            length = bytes_in(range(first, first + count), size)
            once_more(todo, fetch_run(link, args, file, first, length, version), tries)
        file.truncate(size)
        file.flush()
        os.utime(file.fileno(), ns=(secs * 10**9 + nanos,) * 2)
        os.fsync(file.fileno())
    os.replace(part, args.local)
    return report("fetched", args.local, size, size - bytes_in(numbers, size))


def lacking(link, args, size, version, mine):
    """The numbers of the file's chunks that differ from mine, or that I lack."""
    out, end = [], 0
    for end, differ in compare(link, mine, min(len(mine), chunk_count(size)),
                               lambda at, count: ("SUMS", "tQIQ", args.remote, at, count, version)):
        out += differ
    return out + list(range(end, chunk_count(size)))


def fetch_run(link, args, file, first, length, version):
    """Writes these chunks into the part, and says which of them came damaged."""
    sums, bad, came = [], [], 0

    def piece(fields, data):
        nonlocal came
        offset, digests = unpack(PIECE, fields)
        mine, theirs = sums_of(io.BytesIO(data)), split(digests)
        if offset != (first + len(sums)) * CHUNK or len(mine) != len(theirs) or came + len(data) > length:
            raise Failed("content that does not belong here")
        bad.extend(first + len(sums) + n for n in unequal(mine, theirs))
        sums.extend(theirs)
        came += len(data)
        file.seek(offset)
        if link.stop_after is not None:
            if len(data) >= link.stop_after:
                file.write(data[:link.stop_after])
                raise Stopped
            link.stop_after -= len(data)
        file.write(data)

    _, fields = link.ask([257], "GET", "tQQQ", args.remote, first * CHUNK,
                         chunk_count(length) * CHUNK, version, each=piece)
    digest = unpack("QqIQy", fields)[-1]  # after size, mtime_secs, mtime_nanos, version
    if came != length or digest != whole(sums):
        raise Failed("the digest of what came differs")
    return bad


# ---- Listing, and the command line ----

def ls(args):
    entries = []

    def part(fields, _):
        while fields.tell() < fields.getbuffer().nbytes:
            entries.append(unpack(ENTRY, fields))

    with connect(args) as link:
        _, fields = link.ask([200], "LS", "t", args.path, each=part)
        if unpack("Q", fields) != [len(entries)]:
            raise Failed("entries were lost on the way")
    for kind, _, size, secs, _, _, _, name in sorted(entries, key=lambda entry: entry[-1]):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(secs))
        print(f"{shown(chr(kind))} {size:>14} {when} {shown(name)}")
    return f"{len(entries)} entries"


def self_test(_):
    frame = make_frame(b"R" + pack("BtqQr", 3, "\u00e9", -1, 2, b"rest"), b"data")
    kind, fields, data = read_frame(io.BytesIO(frame), 100, 4)
    assert (kind, data) == (b"R", b"data")
    assert unpack("BtqQr", fields) == [3, "\u00e9", -1, 2, b"rest"]
    nonce = "rOprNGfwEbeRWgbNEkqO"  # the example of RFC 7677
    first = f"r={nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final, verdict = scram(b"pencil", f"n=user,r={nonce}", nonce, first)
    assert final.endswith(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert verdict == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    return "self-test passed"


def command_line():
    parser = argparse.ArgumentParser(description="A client of the miniftp framed protocol.")
    parser.add_argument("-s", "--server", default="localhost")
    parser.add_argument("-P", "--port", type=int, default=2121)
    parser.add_argument("-u", "--user")
    parser.add_argument("--self-test", dest="run", action="store_const", const=self_test)
    commands = parser.add_subparsers(metavar="COMMAND")
    sub = commands.add_parser("ls", help="list a folder")
    sub.add_argument("path", nargs="?", default="")
    sub.set_defaults(run=ls)
    for run, names in ((put, ("local", "remote")), (get, ("remote", "local"))):
        sub = commands.add_parser(run.__name__, help=f"{run.__name__} a file, or go on with it")
        sub.add_argument("--overwrite", action="store_true", help="replace a file that is there")
        sub.add_argument("--stop-after", type=int, metavar="N", help="hang up after N bytes of content")
        for name in names:
            sub.add_argument(name)
        sub.set_defaults(run=run)
    args = parser.parse_args()
    return args if args.run else parser.error("a command is missing")


def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    args = command_line()
    try:
        print(args.run(args))
    except Stopped:
        print("stopped, as --stop-after says")
        return 3
    except (Failed, OSError, ValueError, OverflowError, struct.error) as why:
        print(f"client.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
