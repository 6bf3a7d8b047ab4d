"""The other end of ssh: a program that a remote Python is given on its standard input, with what it needs to be a Dask process.

It needs nothing but Python's own library until it runs Dask. Nothing of what it gets stands on a command line or in a file, but
for the code that workers import; that lies in a folder of its own. When the link to the sender ends, however that ends, it
removes the folder and ends with all processes that it has started.
"""

from __future__ import annotations

import base64
import importlib.metadata
import io
import json
import os
import platform
import runpy
import shutil
import signal
import sys
import tarfile
import tempfile
import threading
import traceback
from typing import Any

STANDARD_INPUT, STANDARD_OUTPUT = 0, 1
FOLDER_PREFIX = "etl-ssh-"


def installed(package: str) -> str | None:
    """The version of a package, or None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def tell_facts() -> None:
    """Print, as JSON, what there is."""
    packages = {package: installed(package) for package in ("tablehaul", "distributed")}
    print(json.dumps({"python": platform.python_version(), "executable": sys.executable, "packages": packages}))


def be_dask(said: dict[str, Any]) -> None:
    """Run the module that the command line names, as `python -m` does, with the variables and the code that were sent."""
    os.environ.update(said["variables"])
    folder = tempfile.mkdtemp(prefix=FOLDER_PREFIX)  # nobody else can look into it
    threading.Thread(target=end_with_the_link, args=(folder,), daemon=True).start()
    try:
        code = os.path.join(folder, "code")  # noqa: PTH118 - as in the rest of this program, no more imports than needed
        os.mkdir(code)  # noqa: PTH102
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(said["code"]))) as archive:
            archive.extractall(code)  # noqa: S202 - the sender may run any program here
        os.chdir(code)
        # Workers' processes are new interpreters.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
        os.environ["DASK_TEMPORARY_DIRECTORY"] = folder
        sys.path.insert(0, code)
        module, sys.argv = sys.argv[2], sys.argv[2:]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except BaseException:
        # What is on standard error is read line by line, up to a sign that it has started.
        print(traceback.format_exc(), flush=True)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_with_the_link(folder: str) -> None:
    """Wait for the end of standard input, then end every process of this session."""
    while os.read(STANDARD_INPUT, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Do what the next line of standard input asks for."""
    said = json.loads(sys.stdin.buffer.readline())
    if said is None:
        tell_facts()
    else:
        be_dask(said)
