"""TIFF as Pillow reads it, but for what Pillow takes from elsewhere."""

from PIL import Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile


class PlainTiffFile(TiffImageFile):
    """Turns the picture by its own tag alone: Pillow would follow the orientation in XMP where there is no tag."""

    def getexif(self) -> Image.Exif:
        exif = super().getexif()
        if Base.Orientation in exif and Base.Orientation not in self.tag_v2:
            del exif[Base.Orientation]
        return exif
