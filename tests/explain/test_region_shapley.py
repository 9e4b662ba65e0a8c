import numpy as np

from solutionkit.explain.region_shapley import RegionShapley

BACKGROUND = np.random.default_rng(0).integers(0, 50, (4, 20, 30, 1)).astype(np.uint8)
WEIGHTS = np.random.default_rng(1).normal(size=(20, 30, 1)) / 100


def linear(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A model whose Shapley values are known: each region's own weighted difference."""
    return (images * WEIGHTS).sum(axis=(1, 2, 3)) * (1 + targets)


def test_exact_for_a_linear_model() -> None:
    images = np.random.default_rng(2).integers(100, 255, (3, 20, 30, 1)).astype(np.uint8)
    explainer = RegionShapley(BACKGROUND[:2], linear, regions=5, most=4)
    found = explainer.explain(images, np.array([0, 1, 0]))
    assert found.values.shape == (3, 5, 5)
    assert np.abs(found.residual).max() < 1e-9
    np.testing.assert_allclose(found.output, linear(images, np.array([0, 1, 0])))
    difference = (images - BACKGROUND[:2].mean(axis=0)) * WEIGHTS
    expected = difference[0, ..., 0].reshape(5, 4, 5, 6).sum(axis=(1, 3))
    np.testing.assert_allclose(found.values[0], expected, atol=1e-9)


def test_interactions_are_shared_and_add_up() -> None:
    def product(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return images[:, 0, 0, 0].astype(float) * images[:, -1, -1, 0]

    image = np.zeros((1, 20, 30, 1), np.uint8)
    image[0, 0, 0, 0], image[0, -1, -1, 0] = 10, 8
    found = RegionShapley(BACKGROUND * 0, product, regions=2, most=4).explain(image, np.zeros(1, int))
    np.testing.assert_allclose(found.values[0], [[40.0, 0.0], [0.0, 40.0]])
    again = RegionShapley(BACKGROUND * 0, product, regions=2, most=4).explain(image, np.zeros(1, int))
    np.testing.assert_array_equal(found.values, again.values)


def test_orders_are_walked_until_halves_agree_or_never_will() -> None:
    """A plain game takes two orders; one of noise alone is given up after four, and says what it is worth."""
    calls: list[int] = []
    image = np.full((1, 20, 30, 1), 200, np.uint8)
    noise = np.random.default_rng(0)

    def plain(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        return linear(images, targets)

    def noisy(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        return noise.normal(size=len(images))

    steady = RegionShapley(BACKGROUND[:1], plain, most=12).explain(image, np.zeros(1, int))
    assert len(calls) == 4
    assert steady.reliability is not None
    assert steady.reliability > 0.99
    calls.clear()
    shaky = RegionShapley(BACKGROUND[:1], noisy, most=12).explain(image, np.zeros(1, int))
    assert len(calls) == 8
    assert shaky.reliability is not None
    assert shaky.reliability < 0.8
