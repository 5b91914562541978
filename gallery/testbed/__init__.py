"""Folders of the learning project (testbed): its pictures come in, with or without their vectors, and go out again.

`index_file` reads image_index.json, `originals` finds the pictures' files, `folder_vectors` reads image_embeddings.npy,
`same_model` says whether its vectors are of our encoder; `importing` puts them together.
`exporting` goes the other way, with the files of `folder_writing`.
"""

from .exporting import ExportReport, export_testbed, images_to_export
from .importing import TestbedReport, import_testbed
from .index_file import read_index

__all__ = ["ExportReport", "TestbedReport", "export_testbed", "images_to_export", "import_testbed", "read_index"]
