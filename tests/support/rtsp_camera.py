"""A network camera that speaks RTSP, by GStreamer's server: `/usr/bin/python3 rtsp_camera.py PORT` (Debian's Python).

A test pattern as Motion JPEG, 15 pictures a second, at rtsp://127.0.0.1:PORT/camera, for `me` with the password `word`.
"""

import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402 - versions come first

PICTURES = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! jpegenc "
    "! rtpjpegpay name=pay0 pt=26 )"
)


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    login = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    login.add_basic(GstRtspServer.RTSPAuth.make_basic("me", "word"), token)
    server.set_auth(login)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PICTURES)
    factory.set_shared(True)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string("user, media.factory.access=true, media.factory.construct=true")
    )
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    GLib.MainLoop().run()


main()
