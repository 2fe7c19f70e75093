"""Writes a folder as a zip that is the same each time. Usage: zip.py FOLDER FILE, with SOURCE_DATE_EPOCH set."""

import os
import pathlib
import sys
import time
import zipfile

folder, file = map(pathlib.Path, sys.argv[1:])
date = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for each in sorted(folder.rglob("*")):
        entry = zipfile.ZipInfo(str(each.relative_to(folder.parent)), date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, each.read_bytes())
