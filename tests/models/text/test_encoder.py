"""A pre-trained encoder is read from a preset's folder, answers raw texts, and is missed with a word."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.errors import UserError
from solutionkit.kinds import TEXT
from solutionkit.models.text.encoder import Encoder
from solutionkit.models.text.network import train

pytestmark = pytest.mark.slow

WIDTH = 48


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory, few_texts: Any) -> Path:
    """A small encoder of random weights that knows some words and all letters."""
    keras_hub = pytest.importorskip("keras_hub")
    keras.utils.set_random_seed(3)
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    words = {word for text in few_texts.splits["train"].inputs[TEXT] for word in text.decode().split()}
    letters = [chr(code) for code in range(97, 123)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters), *sorted(words - set(letters))]
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
    keras_hub.models.BertTextClassifierPreprocessor(tokenizer).save_to_preset(folder)
    keras_hub.models.BertBackbone(
        vocabulary_size=len(vocabulary), num_layers=1, num_heads=2, hidden_dim=WIDTH, intermediate_dim=WIDTH
    ).save_to_preset(folder)
    return folder


def test_texts_are_told_by_what_the_encoder_makes_of_them(
    preset: Path, few_texts: Any, tmp_path: Path
) -> None:
    splits = few_texts.splits
    training = Training(preset="standard", encoder=str(preset))
    found = train(splits["train"], splits["validation"], few_texts.spec, training)
    assert found.facts["algorithm"] == "a linear model of the text encoder tiny"
    rows = splits["eval"]
    said = np.asarray(found.score({TEXT: tf.constant(rows.inputs[TEXT])}))
    assert (said.argmax(axis=1) == rows.label).mean() > 0.9
    assert found.train_scores is not None
    told = ~np.isnan(found.train_scores).any(axis=1)
    assert (found.train_scores[told].argmax(axis=1) == splits["train"].label[told]).mean() > 0.85
    archive = keras.export.ExportArchive()
    for item in found.trackables:
        archive.track(item)
    archive.add_endpoint(
        "serve", lambda texts: found.score({TEXT: texts}), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    archive.write_out(str(tmp_path / "model"), verbose=False)
    odd = [
        "",
        "the parcel",
        "漢字 \u202e 😀",
        "word " * 3000,
        *(text.decode() for text in rows.inputs[TEXT][:5]),
    ]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / "model"))
        signature = meta.signature_def["serve"]
        ((_, given),), ((_, wanted),) = signature.inputs.items(), signature.outputs.items()
        answers = session.run(wanted.name, {given.name: odd})
    assert np.isfinite(answers).all()
    assert np.abs(answers - np.asarray(found.score({TEXT: tf.constant(odd)}))).max() < 1e-5
    # A process that has not heard of the operations gets them when it needs them.
    code = f"from pathlib import Path; from solutionserve.model import LoadedModel; LoadedModel(Path({str(tmp_path / 'model')!r}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr


def test_the_same_text_alone_and_among_others(preset: Path) -> None:
    encoder = Encoder(str(preset))
    texts = np.array(["the invoice", "a parcel is late again please", ""], object)
    alone = np.concatenate([np.asarray(encoder(tf.constant(texts[place : place + 1]))) for place in range(3)])
    assert np.abs(encoder.of(texts) - alone).max() < 1e-5
    assert np.abs(encoder.of(texts[[2, 0, 2]]) - alone[[2, 0, 2]]).max() < 1e-5
    assert alone.shape == (3, WIDTH)


def test_what_is_no_preset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("keras_hub")
    with pytest.raises(UserError, match="holds no text encoder that KerasHub reads"):
        Encoder(str(tmp_path))
    with pytest.raises(UserError, match=r"could not be downloaded .*remove the key to learn from scratch"):
        Encoder("no_such_preset_anywhere")
    monkeypatch.setitem(sys.modules, "keras_hub.models", None)
    with pytest.raises(UserError, match="install keras-hub and tensorflow-text beside"):
        Encoder(str(tmp_path))
