"""A server at the terminal of a shell with job control: what its prompt does with keys.

python3 prompt.py PROGRAM [ARGUMENTS...]

Each step is a line on standard output.
"""

import os, pty, re, select, shlex, socket, sys, termios, time

leader, screen = pty.fork()
if leader == 0:
    os.environ["TERM"] = "xterm"
    os.environ["PS1"] = "shell$ "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
termios.tcsetwinsize(screen, (24, 60)) if hasattr(termios, "tcsetwinsize") else os.system(
    "stty -F %s rows 24 cols 60" % os.ptsname(screen)
)

shown = ""
deadline = time.monotonic() + 50

def until(pattern, what):
    """Reads what comes until it matches, and takes that away."""
    global shown
    while True:
        found = re.search(pattern, shown, re.S)
        if found:
            shown = shown[found.end():]
            print(what, flush=True)
            return found
        if time.monotonic() > deadline:
            sys.exit("in vain: %s\nshown %r" % (what, shown))
        if select.select([screen], [], [], 0.05)[0]:
            shown += os.read(screen, 65536).decode(errors="replace")

def type_keys(keys):
    os.write(screen, keys.encode())

def login():
    """Makes a line in the log."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.recv(100)
        line.sendall(b"USER nobody\r\nPASS wrong\r\nQUIT\r\n")
        while line.recv(100):
            pass

until(r"shell\$ ", "a shell")
type_keys(" ".join(map(shlex.quote, sys.argv[1:])) + "\n")
port = int(until(r"listening ftp 127.0.0.1:(\d+)", "a server")[1])
until("ready.*miniftpd> ", "a prompt")
# Keys that come together are all read.
type_keys("sta\t")
until("miniftpd> status ", "a command completed")
type_keys("\n")
until("server +running.*miniftpd> ", "an answer above the prompt")
type_keys("show an\t\n")
until("name +ann.*miniftpd> ", "a name completed")
# A line of the log comes above what is being typed, and the cursor stays in its place.
type_keys("wXo\x1b[D")
until("wXo", "half a line")
login()
until(r"login refused[^\n]*\n(.*\n)?miniftpd> wXo\r\x1b\[12C", "the log above it")
type_keys("\x7fh\n")
until("nobody is connected", "the line as it was typed")
type_keys("\x1b[A\n")
until("nobody is connected", "the line before once more")
# A password is asked for twice and never shown.
def echo():
    return bool(termios.tcgetattr(screen)[3] & termios.ECHO)

def secret(question, text, what):
    global shown
    until(re.escape(question), what)
    if echo():
        sys.exit("the echo is on at: " + question)
    type_keys(text)

type_keys("create bob --quota 1M\n")
secret("password for bob: ", "bobs-secret\n", "asked for a password")
secret("password for bob again: ", "another-secret\n", "asked for it again")
until("the two differ; nothing was changed.*miniftpd> ", "two that differ")
type_keys("create bob --quota 1M\n")
secret("password for bob: ", "\x04", "asked for a password")
until("no password was given; nothing was changed.*miniftpd> ", "none given")
type_keys("create bob --quota 1M\n")
until("password for bob: ", "asked for a password")
# The log comes above the question, and what was typed of the answer counts.
type_keys("bobs-")
login()
until(r"login refused[^\n]*\n(.*\n)?password for bob: ", "the log above the question")
secret("", "secret\n", "the rest of it")
secret("password for bob again: ", "bobs-secret\n", "asked for it again")
until("added bob: quota 1.0 MiB, role user.*miniftpd> ", "an account")
if "secret" in shown:
    sys.exit("shown: %r" % shown)
type_keys("create bob\n")
until("there is an account `bob` already.*miniftpd> ", "nobody is asked in vain")
with socket.create_connection(("127.0.0.1", port)) as line:
    line.recv(100)
    line.sendall(b"USER bob\r\nPASS bobs-secret\r\nQUIT\r\n")
    said = b""
    while more := line.recv(100):
        said += more
    if b"\r\n230" not in said:
        sys.exit("bob is not let in: %r" % said)
# Stopped at the question, it hides what is typed when it goes on.
type_keys("passwd bob\n")
secret("password for bob: ", "\x1a", "asked for a new password")
until("Stopped.*shell\\$ ", "stopped at the question")
type_keys("fg\n")
secret("password for bob: ", "new-secret\n", "asked again")
secret("password for bob again: ", "new-secret\n", "and once more")
until("changed the password of bob.*miniftpd> ", "another password")
# In the background it serves, and the terminal is the shell's.
type_keys("\x1a")
until("Stopped.*shell\\$ ", "stopped")
type_keys("bg\n")
until("&.*shell\\$ ", "in the background")
login()
type_keys("jobs\n")
until("Running.*shell\\$ ", "still running")
type_keys("echo o''k\n")
until("ok\r\n.*shell\\$ ", "the shell reads")
type_keys("fg\n")
until("miniftpd> ", "in the foreground")
type_keys("who\n")
until("nobody is connected.*miniftpd> ", "an answer again")
type_keys("half\x03")
until("stopping: .*shell\\$ ", "stopped by Ctrl-C")
type_keys("stty -a | grep -o ' echo '; echo $?\n")
until(" echo \r\n0\r\n", "the echo is on")
os.write(screen, b"exit\n")
