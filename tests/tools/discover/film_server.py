"""A network camera on this machine: streams a head as it is at the moment, as MJPEG over HTTP."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from liplab.head.head import Head
from liplab.head.render import HeadRenderer

SIZE = (320, 240)
MOST_HZ = 15.0
START_S = 60.0


class FilmServer:
    """Draws a head, dots on its face, on a thread of its own, and gives the newest picture to who asks."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._news = threading.Condition()
        self._picture = b""
        self._number = 0
        self._over = threading.Event()
        self._frozen = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
                self.end_headers()
                with contextlib.suppress(OSError):  # the viewer has gone
                    server._stream(self.wfile)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}/"
        self._threads = [
            threading.Thread(target=self._draw, name="drawer", daemon=True),
            threading.Thread(target=self._http.serve_forever, name="film server", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        with self._news:
            assert self._news.wait_for(lambda: self._number > 0, START_S), "nothing was drawn"

    def freeze(self) -> None:
        """Sends nothing more, and does not hang up either: a network that is gone."""
        self._frozen.set()

    def close(self) -> None:
        """Hangs up. May be called twice."""
        if not self._over.is_set():
            self._over.set()
            with self._news:
                self._news.notify_all()
            self._http.shutdown()
            self._http.server_close()
            self._threads[0].join()

    def _draw(self) -> None:
        with HeadRenderer(SIZE, dots=True, body=self._head.body) as renderer:
            while not self._over.is_set():
                began = time.monotonic()
                data = io.BytesIO()
                Image.fromarray(renderer.draw(self._head.snapshot().joints, "face")).save(
                    data, "JPEG", quality=95, subsampling=0
                )
                with self._news:
                    self._picture, self._number = data.getvalue(), self._number + 1
                    self._news.notify_all()
                self._over.wait(max(0.0, began + 1 / MOST_HZ - time.monotonic()))

    def _stream(self, viewer: Any) -> None:
        sent = 0
        while not self._over.is_set():
            with self._news:
                while (self._number == sent or self._frozen.is_set()) and not self._over.is_set():
                    self._news.wait()
                picture, sent = self._picture, self._number
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            viewer.write(head.encode() + picture + b"\r\n")
