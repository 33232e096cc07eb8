"""Runs a program on a terminal of its own: python3 on_a_terminal.py COLUMNS PROGRAM [ARGUMENTS...]

Standard input is typed, what the screen gets is standard output, and the status is the program's.
A byte 255 and three digits, which nobody can type, give the screen so many columns.
"""

import fcntl, os, pty, re, select, struct, sys, termios

def resize(columns):
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

child, screen = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
resize(int(sys.argv[1]))
sources = [0, screen]
while True:
    ready = select.select(sources, [], [])[0]
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed:
            for columns in re.findall(rb"\xff(\d{3})", typed):
                resize(int(columns))
            os.write(screen, re.sub(rb"\xff\d{3}", b"", typed))
        else:
            sources.remove(0)
    if screen in ready:
        try:
            shown = os.read(screen, 65536)
        except OSError:  # Linux says so when the last program has left the terminal.
            break
        if not shown:
            break
        os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
