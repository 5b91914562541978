"""Files that real cameras and programs write, against what is right for each."""

import pytest

from gallery.imaging import sniff

pytestmark = pytest.mark.odd_files

NAMES = {
    "A1_jpeg_without_eoi.jpg": "JPEG",
    "A2_png_ztxt_3MB.png": "PNG",
    "A7_tiff_rgb_float32.tif": "TIFF",
    "B5_heic_exif_orientation6_without_irot.heic": "HEIF",
    "B6_bmp_v5_alpha_all_zero.bmp": "BMP",
    "B8_gif_first_frame_smaller_than_canvas.gif": "GIF",
}


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_odd_file_is_known_by_its_content(odd_files, name, kind):
    assert sniff((odd_files / name).read_bytes()).name == kind
