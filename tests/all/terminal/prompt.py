"""A program that asks for a password, under job control: what becomes of the terminal's echo.

python3 prompt.py KEY PROMPT TYPED PROGRAM [ARGUMENTS...]

KEY is a signal's name, which the program gets, or a key like ^C, which is typed; a program that
stops is let go on and asked to end by INT. Each step is a line on standard output, and in the end
what of TYPED, a beginning that is typed before, whoever reads the terminal next would get.
"""

import os, pty, select, signal, sys, termios, time

key, prompt, typed, program = sys.argv[1], *(word.encode() for word in sys.argv[2:4]), sys.argv[4:]
stopped_here, stopped = os.pipe()
go_on, go_on_here = os.pipe()

leader, screen = pty.fork()
if leader == 0:
    # A shell in small: one job in the foreground, which may stop.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        for name in (signal.SIGTTOU, signal.SIGINT, signal.SIGTSTP):
            signal.signal(name, signal.SIG_DFL)
        os.execv(program[0], program)
    os.write(stopped, b"job %d\n" % job)
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            os.tcsetpgrp(0, os.getpgrp())
            os.write(stopped, b"stopped\n")
            os.read(go_on, 1)
            os.tcsetpgrp(0, job)
            os.kill(job, signal.SIGCONT)
        else:
            os.tcsetpgrp(0, os.getpgrp())
            modes = termios.tcgetattr(0)
            modes[3] &= ~termios.ICANON
            modes[6][termios.VMIN] = modes[6][termios.VTIME] = 0
            termios.tcsetattr(0, termios.TCSANOW, modes)
            left = os.read(0, 100)
            os.write(stopped, b"left %r\n" % left if left else b"")
            os.write(stopped, b"ended %d\n" % os.waitstatus_to_exitcode(status))
            os.read(go_on, 1)
            os._exit(0)

news, shown = b"", b""
deadline = time.monotonic() + 50

def until(holds, what, again=lambda: None):
    """Reads what comes until something holds; does something once more each second."""
    global news, shown
    begun = time.monotonic()
    while not holds():
        if time.monotonic() > begun + 1:
            begun = time.monotonic()
            again()
        if time.monotonic() > deadline:
            sys.exit("in vain: %s\nshown %r\nnews %r" % (what, shown, news))
        for source in select.select([screen, stopped_here], [], [], 0.01)[0]:
            if source == screen:
                shown += os.read(screen, 65536)
            else:
                news += os.read(stopped_here, 100)

def echo():
    return "on" if termios.tcgetattr(screen)[3] & termios.ECHO else "off"

def say(text):
    print(text, flush=True)

def press(key):
    if key.startswith("^"):
        os.write(screen, bytes([ord(key[1]) & 0x1F]))
    else:
        os.kill(job, getattr(signal, "SIG" + key))

def once_more(key):
    # Rustyline, which edits the prompts that are seen, misses an INT that comes just before it
    # begins to read.
    if key == "INT" and not typed:
        press(key)

def taken():
    global shown
    until(lambda: prompt in shown and echo() == "off", "the prompt without echo")
    shown = shown[shown.index(prompt) + len(prompt):]
    say("asked, echo off")

until(lambda: b"\n" in news, "a job")
job = int(news.split()[1])
taken()
os.write(screen, typed)
press(key)
until(lambda: b"stopped" in news or b"ended" in news, "an end", lambda: once_more(key))
if b"stopped" in news:
    say("stopped, echo " + echo())
    os.write(go_on_here, b"x")
    taken()
    press("INT")
    until(lambda: b"ended" in news, "an end", lambda: once_more("INT"))
if b"left" in news:
    say(news[news.index(b"left"):].split(b"\n")[0].decode())
say("ended %s, echo %s" % (news.split(b"ended ")[1].split()[0].decode(), echo()))
os.write(go_on_here, b"x")
