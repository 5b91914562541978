"""One contract for every encoder: what the index and the search rely on."""

import numpy as np
import pytest
from PIL import Image

from gallery.encoders.clip import ClipEncoder
from gallery.encoders.offline import OfflineEncoder

TEXTS = ["a cat", "一只猫", "a very long sentence about a red car that is parked beside an old tree in the rain", "x"]


class EncoderContract:
    """Subclasses give an `encoder` fixture and a `second_encoder` fixture: the same weights, loaded again."""

    @pytest.fixture
    def pictures(self, picture):
        return [picture("chelsea.png"), picture("coffee.png"), picture("rocket.jpg")]

    def test_contract_images_are_unit_rows(self, encoder, pictures):
        rows = encoder.encode_images(pictures)

        assert rows.shape == (3, encoder.dimension)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def test_contract_texts_are_unit_rows(self, encoder):
        rows = encoder.encode_texts(TEXTS)

        assert rows.shape == (len(TEXTS), encoder.dimension)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def test_contract_nothing_gives_no_rows(self, encoder):
        assert encoder.encode_images([]).shape == (0, encoder.dimension)
        assert encoder.encode_texts([]).shape == (0, encoder.dimension)
        assert encoder.encode_images([]).dtype == np.float32

    def test_contract_image_row_does_not_depend_on_its_batch(self, encoder, pictures):
        together = encoder.encode_images(pictures)
        alone = np.concatenate([encoder.encode_images([one]) for one in pictures])

        np.testing.assert_allclose(together, alone, atol=1e-5)

    def test_contract_text_row_does_not_depend_on_its_batch(self, encoder):
        """Also shows that padding short texts to the longest changes nothing."""
        together = encoder.encode_texts(TEXTS)
        alone = np.concatenate([encoder.encode_texts([one]) for one in TEXTS])

        np.testing.assert_allclose(together, alone, atol=1e-5)

    def test_contract_same_input_gives_same_row_in_another_process_start(self, encoder, second_encoder, pictures):
        np.testing.assert_allclose(encoder.encode_images(pictures), second_encoder.encode_images(pictures), atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), second_encoder.encode_texts(TEXTS), atol=1e-6)
        assert encoder.key == second_encoder.key

    def test_contract_different_inputs_give_different_rows(self, encoder, pictures):
        images, texts = encoder.encode_images(pictures), encoder.encode_texts(["a cat", "x"])

        assert (images @ images.T)[np.triu_indices(3, 1)].max() < 0.9999
        assert abs(texts[0] - texts[1]).max() > 1e-4

    @pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
    def test_contract_any_pillow_mode_is_accepted(self, encoder, picture, mode):
        source = picture("coffee.png").resize((60, 40))
        image = Image.new("I;16", (60, 40), 9000) if mode == "I;16" else source.convert(mode)

        assert np.isfinite(encoder.encode_images([image])).all()

    @pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 7), (2500, 40)])
    def test_contract_any_size_is_accepted(self, encoder, size):
        rows = encoder.encode_images([Image.new("RGB", size, (200, 30, 30))])

        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    @pytest.mark.parametrize("text", ["", " ", "\n\t", "🐈", "猫" * 5000, "a" * 20_000, "\x00", "ﬁ ½ Ⅳ"])
    def test_contract_any_text_is_accepted(self, encoder, text):
        rows = encoder.encode_texts([text])

        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


class TestOffline(EncoderContract):
    @pytest.fixture
    def encoder(self, offline):
        return offline

    @pytest.fixture
    def second_encoder(self):
        return OfflineEncoder()


class ClipContract(EncoderContract):
    @pytest.fixture(scope="module")
    @classmethod
    def loaded(cls):
        return {}

    @pytest.fixture
    def encoder(self, folder, loaded):
        if folder not in loaded:
            loaded[folder] = ClipEncoder(str(folder), device="cpu", batch_size=2)
        return loaded[folder]

    @pytest.fixture
    def second_encoder(self, folder):
        return ClipEncoder(str(folder), device="cpu")


class TestClip(ClipContract):
    @pytest.fixture
    def folder(self, tiny_clip):
        return tiny_clip


class TestChineseClip(ClipContract):
    @pytest.fixture
    def folder(self, tiny_chinese_clip):
        return tiny_chinese_clip


class TestSiglip(ClipContract):
    @pytest.fixture
    def folder(self, tiny_siglip):
        return tiny_siglip


class TestAltClip(ClipContract):
    @pytest.fixture
    def folder(self, tiny_altclip):
        return tiny_altclip


class TestLargeClip(ClipContract):
    @pytest.fixture
    def folder(self, tiny_large_clip):
        return tiny_large_clip
