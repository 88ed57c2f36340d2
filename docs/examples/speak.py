#!/usr/bin/env python3
"""Joins a speech engine to a head that serves (`lipwright serve`): the head speaks as the engine writes.

python speak.py espeak-ng --stdout "Good morning"
echo "Good morning" | python speak.py piper --model en_US-lessac-medium.onnx --output-raw
"""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

FOLDERS = ["/run/lipwright", os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")]

sockets = [path for folder in FOLDERS if (path := Path(folder) / "lipwright.sock").exists()]
if not sockets:
    sys.exit("No head serves here: run `lipwright serve`.")
with socket.socket(socket.AF_UNIX) as head, subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as engine:
    head.connect(str(sockets[0]))
    with contextlib.suppress(BrokenPipeError):  # the head has said why
        while sound := engine.stdout.read1(4096):
            head.sendall(sound)
        head.shutdown(socket.SHUT_WR)
    answer = head.makefile().readline().strip()  # "spoken", "interrupted", or what is wrong
sys.exit(0 if answer == "spoken" else answer)
