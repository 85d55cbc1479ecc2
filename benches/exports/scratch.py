"""A folder that appears when it is complete: a run that is broken off leaves no half of an export."""

import contextlib
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def folder(target: Path):
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
    try:
        result = scratch / "result"
        result.mkdir()
        yield result
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
