"""Runs a program on a pseudo terminal: onterminal.py COLUMNS ROWS PROGRAM ARGUMENT...

What the program writes there comes out on stdout. Lines on stdin: `resize COLUMNS ROWS`,
`type HEX` (as a keyboard would). Ends with the program's exit code (128 + signal).
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


columns, rows, *command = sys.argv[1:]
# The program waits until its terminal has the right size.
ready, go = os.pipe()
child, terminal = pty.fork()
if child == 0:
    os.close(go)
    os.read(ready, 1)
    os.execvp(command[0], command)
resize(int(columns), int(rows))
os.close(ready)
os.write(go, b"x")

inputs = [terminal, 0]
while terminal in inputs:
    for source in select.select(inputs, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            # Linux says so of a terminal that no program has open any more.
            data = b""
        if not data:
            inputs.remove(source)
        elif source == terminal:
            os.write(1, data)
        else:
            for line in data.decode().splitlines():
                word, *values = line.split()
                if word == "resize":
                    resize(*map(int, values))
                else:
                    os.write(terminal, bytes.fromhex(values[0]))
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256 if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
