"""A camera in the network for tests: Motion JPEG over HTTP, to be switched off and on."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np


def flat_jpeg(shade: int) -> bytes:
    """An even picture."""
    return cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))[1].tobytes()


class NetworkCamera:
    """Sends Motion JPEG over HTTP, each picture a little brighter, until it is switched off."""

    def __init__(self) -> None:
        self.on, self.sent = True, 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while camera.on:
                    camera.sent += 1
                    picture = flat_jpeg(min(250, camera.sent))
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                    try:
                        self.wfile.write(head + picture + b"\r\n")
                    except OSError:
                        return
                    time.sleep(0.02)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/video.mjpg"

    def close(self) -> None:
        self.on = False
        self.server.shutdown()
        self.server.server_close()
