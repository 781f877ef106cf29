"""Files of moving pictures, written frame by frame: MP4 through ffmpeg, GIF, and a page that plays itself."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from base64 import b64encode
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from PIL import Image, features

__all__ = ["MovieFile", "movie_file"]


class MovieFile(Protocol):
    """A file that takes encoded frames in order.

    A process that renders a frame calls ``encode`` too, so that only bytes travel.
    """

    @staticmethod
    def encode(pixels: np.ndarray) -> bytes:
        """Return a frame of shape (height, width, 3), uint8, as the file takes it."""

    def open(self, path: Path, size: tuple[int, int], fps: float, title: str) -> None:
        """Begin a file of frames of ``size``, width and height in pixels."""

    def add(self, frame: bytes) -> None:
        """Append an encoded frame."""

    def close(self) -> None:
        """End the file."""

    def abandon(self) -> None:
        """Let go of the file; what is there of it may be incomplete."""


def movie_file(path: Path) -> MovieFile:
    """Return the writer for the suffix of a path.

    Raises:
        ValueError: another suffix, a folder that does not exist, or MP4 without ffmpeg.
    """
    kinds: dict[str, Any] = {".mp4": _Mp4, ".gif": _Gif, ".html": _Page}
    if path.suffix.lower() not in kinds:
        raise ValueError(f"an animation is written to {', '.join(kinds)}, got {path.name!r}")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; create it first")
    kind = kinds[path.suffix.lower()]
    if kind is _Mp4 and shutil.which("ffmpeg") is None:
        raise ValueError(
            "MP4 is written by the program ffmpeg, which is not on the path; install it, or write "
            f"{path.stem}.html or {path.stem}.gif"
        )
    writer: MovieFile = kind()
    return writer


class _Mp4:
    """Raw frames through a pipe to ffmpeg."""

    @staticmethod
    def encode(pixels: np.ndarray) -> bytes:
        return pixels.tobytes()

    def open(self, path: Path, size: tuple[int, int], fps: float, title: str) -> None:
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the file
        command = [
            "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:g}", "-i", "-",
            "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p",
            "-metadata", f"title={title}", "-movflags", "+faststart", "-f", "mp4", str(path),
        ]  # fmt: skip
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self._messages)
        assert self._program.stdin is not None
        self._pipe = self._program.stdin

    def add(self, frame: bytes) -> None:
        try:
            self._pipe.write(frame)
        except BrokenPipeError:
            self.close()

    def close(self) -> None:
        with suppress(BrokenPipeError):  # the exit status says why
            self._pipe.close()
        status = self._program.wait()
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip()
        self._messages.close()
        if status:
            raise RuntimeError(f"ffmpeg ended with status {status}: {said or 'no message'}")

    def abandon(self) -> None:
        self._program.kill()
        self._program.wait()
        with suppress(BrokenPipeError):
            self._pipe.close()
        self._messages.close()


class _Gif:
    """GIF89a, each frame with a palette of its own."""

    @staticmethod
    def encode(pixels: np.ndarray) -> bytes:
        """Return palette and image data of one frame: flags, colour table, compressed pixels."""
        file = BytesIO()
        image = Image.fromarray(pixels)
        image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, "GIF")
        return _image_of(file.getvalue())

    def open(self, path: Path, size: tuple[int, int], fps: float, title: str) -> None:
        self._file, self._size = path.open("wb"), size
        self._delay = max(2, round(100 / fps))
        self._file.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0))
        self._file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # for ever

    def add(self, frame: bytes) -> None:
        self._file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", 0x04, self._delay, 0, 0))
        self._file.write(b"\x2c" + struct.pack("<HHHH", 0, 0, *self._size) + frame)

    def close(self) -> None:
        self._file.write(b"\x3b")
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _image_of(data: bytes) -> bytes:
    """Return flags, colour table and pixels of the one image of a GIF file, its table made a local one."""
    flags, at = data[10], 13
    table = data[at : at + 3 * 2 ** ((flags & 7) + 1)] if flags & 0x80 else b""
    at += len(table)
    while data[at] == 0x21:  # extensions: a label, then blocks until an empty one
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    own = data[at + 9]
    if own & 0x80:
        return data[at + 9 : -1]
    return bytes([0x80 | (flags & 7) | (own & 0x40)]) + table + data[at + 10 : -1]


class _Page:
    """One HTML page with the frames inside, and buttons to play them; it loads nothing."""

    _WEBP: ClassVar[bool] = bool(features.check("webp"))

    @staticmethod
    def encode(pixels: np.ndarray) -> bytes:
        file, image = BytesIO(), Image.fromarray(pixels)
        if _Page._WEBP:
            image.save(file, "WEBP", quality=80, method=4)
        else:
            image.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        kind = b"webp" if _Page._WEBP else b"png"
        return b"data:image/" + kind + b";base64," + b64encode(file.getvalue())

    def open(self, path: Path, size: tuple[int, int], fps: float, title: str) -> None:
        self._file = path.open("wb")
        words = {"TITLE": _escaped(title), "WIDTH": str(size[0]), "HEIGHT": str(size[1]), "FPS": f"{fps:g}"}
        head = _HEAD
        for name, value in words.items():
            head = head.replace(name, value)
        self._file.write(head.encode())

    def add(self, frame: bytes) -> None:
        self._file.write(b'<script>frames.push("' + frame + b'")</script>\n')

    def close(self) -> None:
        self._file.write(_FOOT.encode())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1em; color: #222; background: #fff; }
figure { margin: 0 auto; max-width: WIDTHpx; }
img { width: 100%; height: auto; display: block; }
div { display: flex; gap: .6em; align-items: center; }
input { flex: 1; min-width: 4em; }
output { font-variant-numeric: tabular-nums; white-space: nowrap; }
</style>
<figure>
<img id="picture" width="WIDTH" height="HEIGHT" alt="TITLE">
<div>
<button id="play" aria-label="play or pause">Pause</button>
<input id="at" type="range" min="0" value="0" aria-label="frame">
<output id="number"></output>
<select id="speed" aria-label="speed">
<option value=".25">&frac14;&times;</option><option value=".5">&frac12;&times;</option>
<option value="1" selected>1&times;</option><option value="2">2&times;</option>
<option value="4">4&times;</option>
</select>
</div>
</figure>
<script>const frames = [], fps = FPS</script>
"""

_FOOT = """<script>
const [picture, play, at, number, speed] =
  ["picture", "play", "at", "number", "speed"].map(id => document.getElementById(id));
at.max = frames.length - 1;
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches, due = 0;
function show(index) {
  at.value = index;
  picture.src = frames[index];
  number.textContent = `${index + 1} / ${frames.length}`;
}
function run(on) { playing = on; play.textContent = on ? "Pause" : "Play"; due = 0; }
function step(now) {
  requestAnimationFrame(step);
  if (!playing) return;
  if (!due) due = now + 1000 / (fps * speed.value);
  if (now < due) return;
  due = now + 1000 / (fps * speed.value);
  show((+at.value + 1) % frames.length);
}
play.onclick = () => run(!playing);
at.oninput = () => { run(false); show(+at.value); };
document.onkeydown = event => {
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.target !== document.body) return;
  if (event.key === " ") { event.preventDefault(); run(!playing); }
  if (move) { run(false); show((+at.value + move + frames.length) % frames.length); }
};
show(0);
run(playing);
requestAnimationFrame(step);
</script>
</html>
"""
