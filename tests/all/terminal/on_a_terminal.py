"""Runs a program on a terminal of its own: python3 on_a_terminal.py COLUMNS PROGRAM [ARGUMENTS...]

Standard input is typed, what the screen gets is standard output, and the status is the program's.
"""

import fcntl, os, pty, select, struct, sys, termios

child, screen = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
sources = [0, screen]
while True:
    ready = select.select(sources, [], [])[0]
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed:
            os.write(screen, typed)
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
