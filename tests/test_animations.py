"""Animations: every frame in its place, no half file, memory that does not grow; and pictures of learning."""

import base64
import gc
import html.parser
import io
import os
import re
import stat
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gandyn import plot
from gandyn.field import Layout, VectorField
from gandyn.nets import (
    Recipe,
    Snapshots,
    class_grid,
    combine,
    datasets,
    losses,
    mode_recurrence,
    models,
    train,
    walk,
)
from gandyn.planes import coordinate_plane, sample
from gandyn.plot.animations import in_order

SIZE = {"size": (0.5, 0.4), "dpi": 50, "progress": False}


def shade(figure, level):
    """Fill a figure with one grey: the frame says which it is."""
    figure.patch.set_facecolor(str(level))


def frames_of(path):
    """Return the mean grey of every frame of a file, from 0 to 1."""
    if path.suffix == ".gif":
        with Image.open(path) as film:
            return [grey(film, k) for k in range(film.n_frames)]
    found = re.findall(r'frames\.push\("data:image/\w+;base64,([^"]+)"\)', path.read_text())
    return [grey(Image.open(io.BytesIO(base64.b64decode(data))), 0) for data in found]


def grey(film, k):
    film.seek(k)
    return float(np.asarray(film.convert("RGB")).mean() / 255)


@pytest.mark.parametrize(("suffix", "workers"), [(".gif", 1), (".html", 1), (".gif", 2)])
def test_frames_are_in_order_whatever_the_number_of_processes(suffix, workers, tmp_path):
    levels, path = [round(0.1 * k, 1) for k in range(1, 10)], tmp_path / f"film{suffix}"
    scale = 1.0  # a closure, which a plain pickle would refuse
    fill = lambda figure, level: figure.patch.set_facecolor(str(scale * level))
    film = plot.animate(fill, levels, path, workers=workers, **SIZE)
    assert (film.frames, film.size) == (9, (25, 20))
    np.testing.assert_allclose(frames_of(path), levels, atol=0.02)
    assert os.listdir(tmp_path) == [path.name]
    assert "9 frames of 25 x 20" in str(film)


def test_a_gif_keeps_colours_and_time(tmp_path):
    colours = [(1, 0, 0), (0, 0.6, 0.2), (0.1, 0.2, 0.9)]
    path = tmp_path / "colours.gif"
    plot.animate(
        lambda figure, colour: figure.patch.set_facecolor(colour), colours, path, fps=5, workers=1, **SIZE
    )
    with Image.open(path) as film:
        assert film.info["duration"] == 200
        assert film.info["loop"] == 0
        for k, colour in enumerate(colours):
            film.seek(k)
            np.testing.assert_allclose(film.convert("RGB").getpixel((12, 10)), 255 * np.array(colour), atol=2)


class Outside(html.parser.HTMLParser):
    """Collects whatever a page would load."""

    def __init__(self):
        super().__init__()
        self.loads, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]


def test_a_page_loads_nothing_and_has_its_buttons(tmp_path):
    plot.animate(shade, [0.2, 0.8], tmp_path / "page.html", title="a < b", workers=1, **SIZE)
    text = (tmp_path / "page.html").read_text()
    page = Outside()
    page.feed(text)
    assert page.loads == []
    assert "http" not in text
    assert "a &lt; b" in text
    assert {"img", "button", "input", "select", "script"} <= set(page.tags)


FAKE_FFMPEG = """#!{python}
import sys
data = sys.stdin.buffer.read()
if len(data) % {frame} or "{size}" not in sys.argv:
    sys.exit("got " + str(len(data)))
open(sys.argv[-1], "wb").write(data)
"""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Put a program of that name on the path, which writes the raw frames that it is given."""

    def install(frame=25 * 20 * 3, size="25x20"):
        program = tmp_path / "bin" / "ffmpeg"
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE_FFMPEG.format(python=sys.executable, frame=frame, size=size))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))

    return install


def test_mp4_is_raw_frames_to_ffmpeg(ffmpeg, tmp_path):
    ffmpeg()
    plot.animate(shade, [0.0, 0.4, 1.0], tmp_path / "film.mp4", workers=1, **SIZE)
    raw = np.frombuffer((tmp_path / "film.mp4").read_bytes(), np.uint8).reshape(3, 20, 25, 3)
    np.testing.assert_allclose(raw.mean(axis=(1, 2, 3)) / 255, [0.0, 0.4, 1.0], atol=0.01)


def test_what_ffmpeg_says_is_the_error_and_no_file_is_left(ffmpeg, tmp_path):
    ffmpeg(size="another")
    with pytest.raises(RuntimeError, match="got 1500"):
        plot.animate(shade, [0.5], tmp_path / "film.mp4", workers=1, **SIZE)
    assert os.listdir(tmp_path) == ["bin"]


def test_mp4_without_ffmpeg_says_what_to_write_instead(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"film\.html"):
        plot.animate(shade, [0.5], tmp_path / "film.mp4", workers=1, **SIZE)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("suffix", [".gif", ".html"])
def test_an_interrupt_or_an_error_leaves_the_file_that_was_there(error, suffix, tmp_path):
    path = tmp_path / f"film{suffix}"
    path.write_text("before")

    def draw(figure, frame):
        if frame == 3:
            raise error

    with pytest.raises(error):
        plot.animate(draw, range(9), path, workers=1, **SIZE)
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "before"


def test_an_error_in_a_process_names_its_frame(tmp_path):
    with pytest.raises(ZeroDivisionError) as caught:
        plot.animate(lambda _, frame: 1 / (2 - frame), range(5), tmp_path / "film.gif", workers=2, **SIZE)
    assert "while drawing frame 2" in caught.value.__notes__
    assert os.listdir(tmp_path) == []


def peak_of(count, path):
    """Return the largest memory of Python while ``count`` frames of noise are written, in bytes."""
    rng = np.random.default_rng(0)
    noise = lambda figure, _: figure.figimage(rng.uniform(size=(60, 80, 3)))
    gc.collect()
    tracemalloc.start()
    plot.animate(noise, range(count), path, size=(0.8, 0.6), dpi=100, workers=1, progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("suffix", [".gif", ".html"])
def test_memory_does_not_grow_with_the_number_of_frames(suffix, tmp_path):
    path = tmp_path / f"film{suffix}"
    peak_of(5, path)
    few, many = peak_of(32, path), peak_of(128, path)
    assert many - few < 0.3 * path.stat().st_size  # kept frames would be three quarters of the file


def test_frames_are_taken_no_further_ahead_than_asked_for():
    taken, written = [], []
    lock = threading.Lock()

    def jobs():
        for k in range(50):
            with lock:
                taken.append(k)
                assert len(taken) - len(written) <= 4
            yield k

    with ThreadPoolExecutor(2) as pool:
        for result in in_order(pool, lambda k: k, jobs(), 4):
            with lock:
                written.append(result)
    assert written == list(range(50))


def test_bad_calls_are_refused_before_work_starts(tmp_path):
    never = lambda figure, frame: pytest.fail("drawn")
    for path, message in (("film.avi", "film.avi"), ("no/film.gif", "does not exist")):
        with pytest.raises(ValueError, match=message):
            plot.animate(never, [1], tmp_path / path, **SIZE)
    with pytest.raises(ValueError, match="positive"):
        plot.animate(never, [1], tmp_path / "film.gif", fps=0, **SIZE)
    with pytest.raises(ValueError, match="at least one frame"):
        plot.animate(never, [], tmp_path / "film.gif", workers=1, **SIZE)
    with pytest.raises(ValueError, match="keep the"):
        plot.animate(
            lambda figure, wide: figure.set_size_inches(wide, 1),
            [1, 2],
            tmp_path / "film.gif",
            workers=1,
            **SIZE,
        )
    assert os.listdir(tmp_path) == []


# Ready-made films and pictures


@pytest.fixture
def ax():
    """An axes of a paper column, drawn once the test is through."""
    with plot.style():
        figure = Figure()
        FigureCanvasAgg(figure)
        yield figure.subplots()
        figure.canvas.draw()


@pytest.fixture(scope="module", params=[1, 2])
def learner(request, tmp_path_factory):
    """Return snapshots of a short run on the line or in the plane, and its data."""
    width = request.param
    data = datasets.mixture_1d() if width == 1 else datasets.ring(5, radius=2.0, std=0.2)
    generator, discriminator = models.mlp_gan(width, hidden=(8,), latent_dim=width)
    run = train(
        generator, discriminator, losses.saturating(), data, tmp_path_factory.mktemp("run") / "a", steps=4,
        recipe=Recipe(batch_size=16), checkpoint_every=2, progress=False,
    )  # fmt: skip
    latents = torch.randn(400, width, generator=torch.Generator().manual_seed(0))
    axes = [np.linspace(-3, 3, 31)] * width
    return Snapshots(run, generator, discriminator, latents, axes=axes), data


def test_a_training_becomes_a_film(learner, tmp_path):
    snapshots, data = learner
    views = ["line"] if snapshots.axes[1:] == () else ["plane", "arrows", "surface"]
    for view in views:
        film = plot.animate_training(
            snapshots, tmp_path / f"{view}.gif", view=view, real=data.images, steps=[0, 4], workers=1,
            size=(2.5, 2.5), dpi=40, progress=False,
        )  # fmt: skip
        assert film.frames == 2
    first, last = frames_of(tmp_path / f"{views[0]}.gif")
    assert first != last


def test_the_picture_shows_what_the_snapshot_says(learner, ax):
    snapshots, data = learner
    found = snapshots(4)
    if found.samples.shape[1] == 1:
        drawn = plot.learning_line(ax, found, data.images)
        np.testing.assert_array_equal(drawn.scores.get_ydata(), found.scores)
        ends = np.array([line[1] for line in drawn.arrows.get_segments()])
        assert set(ends[:, 0]) == set(found.probe_images[:, 0].astype(float))
        with pytest.raises(ValueError, match="2 entries"):
            plot.learning_plane(ax, found, data.images)
    else:
        drawn = plot.latent_arrows(ax, found, data.images)
        tips = drawn.arrows.get_offsets() + np.stack([drawn.arrows.U, drawn.arrows.V], axis=1)
        np.testing.assert_allclose(tips, found.probe_images, atol=1e-5)
        with pytest.raises(ValueError, match="3-D axes"):
            plot.discriminator_surface(ax, found, data.images)


def test_a_film_of_what_is_not_there_is_refused(learner, tmp_path):
    snapshots, data = learner
    with pytest.raises(ValueError, match="no checkpoint at steps"):
        plot.animate_training(snapshots, tmp_path / "a.gif", view="line", real=data.images, steps=[3])
    with pytest.raises(ValueError, match=r"real=data\.images"):
        plot.animate_training(snapshots, tmp_path / "a.gif", view="line")
    with pytest.raises(ValueError, match="view must be one of"):
        plot.animate_training(snapshots, tmp_path / "a.gif", view="lines", real=data.images)


def test_a_state_moves_in_its_field(tmp_path):
    layout = Layout.scalars(generator=["x"], discriminator=["y"])
    turn = VectorField(lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), layout)
    flow = sample(turn, coordinate_plane(layout, "y", "x"), points=7)
    path = np.array([[0.5, 0.0], [0.4, 0.3], [0.0, 0.5]])
    settings = {"workers": 1, "size": (2.0, 2.0), "dpi": 40, "progress": False}
    film = plot.animate_field(flow, tmp_path / "a.gif", trajectory=path, **settings)
    assert film.frames == 3
    assert len(set(frames_of(tmp_path / "a.gif"))) == 3
    assert plot.animate_field([flow, flow], tmp_path / "b.gif", **settings).frames == 2
    with pytest.raises(ValueError, match="one slice is one picture"):
        plot.animate_field(flow, tmp_path / "c.gif", **settings)
    with pytest.raises(ValueError, match="from 0 to 2"):
        plot.animate_field(flow, tmp_path / "c.gif", trajectory=path, states=[3], **settings)


def test_walks_frame_what_lies_outside(ax):
    walks = [walk(torch.zeros(3), k, [-9.0, 0.0, 9.0]) for k in (0, 2)]
    drawn = plot.latent_walks(ax, np.zeros((6, 1, 4, 4)), walks)
    assert [text.get_text() for text in drawn.columns] == ["-9", "0", "9"]
    assert [text.get_text() for text in drawn.rows] == ["$z_{0}$", "$z_{2}$"]
    assert [frame.get_xy() for frame in drawn.frames] == [(-0.5, -0.5), (9.5, -0.5), (-0.5, 4.5), (9.5, 4.5)]
    with pytest.raises(ValueError, match="same values"):
        plot.latent_walks(ax, np.zeros((6, 1, 4, 4)), [*walks, walk(torch.zeros(3), 1, [0.0])])


def test_a_combination_shows_its_parts_and_both_sums(ax):
    generator, _ = models.conv_gan(8, width=2, latent_dim=4)
    found = combine(generator, torch.randn(3, 4, generator=torch.Generator().manual_seed(0)))
    drawn = plot.combination(ax, found, ["a", "b", "c"])
    assert [text.get_text() for text in drawn.columns[:3]] == ["+1 a", "-1 b", "+1 c"]
    assert drawn.picture.get_array().shape == (8, 5 * 9 - 1, 3)
    with pytest.raises(ValueError, match="names must be 3"):
        plot.combination(ax, found, ["a"])


def test_a_grid_of_classes_is_labelled(ax):
    _, labels = class_grid(torch.zeros(3, 2), 2)
    drawn = plot.labelled_grid(ax, np.zeros((len(labels), 1, 4, 4)), rows=["cat", "dog"])
    assert drawn.picture.get_array().shape == (9, 14, 3)
    with pytest.raises(ValueError, match="do not divide"):
        plot.labelled_grid(ax, np.zeros((5, 1, 4, 4)), rows=["cat", "dog"])


def test_recurrence_is_drawn_over_training_steps(ax):
    found = mode_recurrence(np.eye(3)[np.arange(24) % 3], 10 * np.arange(24), surrogates=19)
    drawn = plot.recurrence(ax, found)
    np.testing.assert_array_equal(drawn.matrix.get_array(), found.distances)
    assert drawn.matrix.get_extent() == [0, 230, 0, 230]
    figure = Figure()
    line = plot.lag_distance(figure.subplots(), found)
    np.testing.assert_array_equal(line.get_xdata(), found.lags)
