"""Image files in the graph: their size is read before they are unpacked."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from solutionkit.kinds import Feature
from solutionkit.kinds.image_files import MOST_PIXELS
from solutionkit.transform.images import fitted, pixels, size_of

FEATURE = Feature(name="photo", kind="image", shape=(16, 20, 3), bits=8)


def photo(kind: str, width: int = 40, height: int = 30, mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    PIL.Image.new(mode, (width, height), 77).save(target, kind)
    return target.getvalue()


@pytest.fixture(scope="module")
def graph() -> object:
    return tf.function(lambda files: pixels(files, FEATURE), autograph=False)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_the_size_is_read_from_the_header(kind: str) -> None:
    assert size_of(tf.constant(photo(kind))).numpy().tolist() == [1200, 4 if kind == "BMP" else 3]


@pytest.mark.parametrize("file", [b"", b"BM", b"\x89PNG", b"\xff\xd8\xff", photo("GIF"), b"nothing at all"])
def test_what_is_no_image_is_refused(graph, file: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.constant([photo("PNG"), file]))


def test_a_small_file_of_a_huge_picture_is_refused_before_it_is_unpacked(graph) -> None:
    side = int(MOST_PIXELS**0.5) + 1
    bomb = photo("PNG", side, side, "L")
    assert len(bomb) < MOST_PIXELS / 500
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 64 million pixels"):
        graph(tf.constant([bomb]))


@pytest.mark.parametrize(
    ("places", "content"), [(slice(16, 24), b"\xff" * 8), (slice(18, 26), b"\xff\xff\xff\x7f" * 2)]
)
def test_numbers_beyond_all_bounds(graph, places: slice, content: bytes) -> None:
    file = bytearray(photo("PNG" if places.start == 16 else "BMP"))
    file[places] = content
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.constant([bytes(file)]))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_alpha_is_left_out_and_sizes_fit(graph, mode: str) -> None:
    seen = graph(tf.constant([photo("PNG", mode=mode)])).numpy()
    assert seen.shape == (1, 16, 20, 3)
    expected = np.asarray(PIL.Image.new(mode, (1, 1), 77).convert("RGB"))[0, 0]
    np.testing.assert_array_equal(seen[0, 3, 3], expected)


def test_channels_and_bits_count(graph) -> None:
    deep = Feature(name="photo", kind="image", shape=(16, 20, 3), bits=16)
    colours = photo("PNG", 7600, 7600, "RGBA")
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 200 MB"):
        graph(tf.constant([colours]))
    grey = photo("PNG", 10_500, 6_000, "L")
    assert graph(tf.constant([grey])).shape == (1, 16, 20, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 200 MB"):
        pixels(tf.constant([photo("PNG", 6_000, 6_000, "RGB")]), deep)


def test_the_shape_of_what_is_seen_is_kept_and_the_rest_is_mirrored() -> None:
    image = np.arange(8, dtype=np.float32)[None, :, None] + 10 * np.arange(4, dtype=np.float32)[:, None, None]
    seen = fitted(tf.constant(image), (8, 8)).numpy()
    np.testing.assert_allclose(seen[2:6], image, atol=1e-5)
    np.testing.assert_allclose(seen[:2], image[1::-1], atol=1e-5)
    np.testing.assert_allclose(seen[6:], image[:1:-1], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 90), (90, 1), (3, 200), (64, 64)], ids=str)
def test_whatever_the_shape_something_is_seen_everywhere(size: tuple[int, int]) -> None:
    seen = fitted(tf.fill([*size, 1], 7.0), (20, 24)).numpy()
    assert seen.shape == (20, 24, 1)
    np.testing.assert_allclose(seen, 7.0, atol=1e-5)


def test_a_shape_that_is_almost_right_is_stretched() -> None:
    image = np.random.default_rng(0).random((21, 24, 1)).astype(np.float32)
    expected = tf.image.resize(image, (20, 24), antialias=True)
    np.testing.assert_allclose(fitted(tf.constant(image), (20, 24)), expected, atol=1e-6)
