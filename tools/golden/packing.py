"""Directories that are too large as they are, packed: the fixture ``golden`` of the tests unpacks them."""

import shutil
import zipfile

PACKED_OVER = 200_000  # bytes


def pack_if_large(directory):
    """Replace a directory by a zip of what is in it, where a file in it is large."""
    files = [file for file in sorted(directory.rglob("*")) if file.is_file()]
    if sum(file.stat().st_size for file in files) <= PACKED_OVER:
        return
    with zipfile.ZipFile(str(directory) + ".zip", "w", zipfile.ZIP_LZMA) as archive:
        for file in files:
            archive.write(str(file), str(file.relative_to(directory)))
    shutil.rmtree(str(directory))
