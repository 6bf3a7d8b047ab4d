"""unixODBC's libraries, through ctypes: where they are, what they answer, and whether a driver's library loads."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

MANAGER_FILES = ("libodbc.so.2", "libodbc.2.dylib")
INSTALLER_FILES = ("libodbcinst.so.2", "libodbcinst.2.dylib")
DRIVER_FILES = ("libtdsodbc.so", "libtdsodbc.so.0")
"""Alpine and Fedora have only the second."""
FOLDERS = (
    "/usr/lib/*/odbc",  # Debian's drivers
    "/usr/lib/*-linux-*",  # multiarch
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/lib",
)
"""Where distributions put libraries; `odbc/install.sh` looks there too."""

FILE_NAME_BYTES = 4096
ANSWER_BYTES = 32_767
"""What a list of names or a value may take."""
UNIXODBC_VERSION = re.compile(rb"\0(\d\.\d+\.\d+\w*)\0")
SEARCHED = {0: ("user", "system"), 1: ("user",), 2: ("system",)}
"""What is searched for data sources, by configuration mode (`include/odbcinst.h`, ODBC_BOTH_DSN and so on)."""
LOADING_TAKES_SEC = 30


def find_library(*names: str) -> Path | None:
    """The first file of one of these names in the folders of distributions."""
    prefixes = (str(Path(sys.prefix) / "lib"), *FOLDERS)  # a conda environment has its own
    return next((path for prefix in prefixes for name in names for path in _matching(prefix, name)), None)


def _matching(prefix: str, name: str) -> Iterator[Path]:
    yield from sorted(Path("/").glob(f"{prefix.removeprefix('/')}/{name}"))


def load_problem(library: str) -> str:
    """Why a library cannot be loaded, or an empty text. Tried in a process of its own: a broken one can end it."""
    if "/" in library and not Path(library).exists():
        return "no such file"
    program = "import ctypes, sys\ntry: ctypes.CDLL(sys.argv[1])\nexcept OSError as error: sys.exit(str(error))"
    tried = subprocess.run(  # noqa: S603 - the library's name is data, not part of the program
        [sys.executable, "-I", "-S", "-c", program, library],
        capture_output=True,
        text=True,
        timeout=LOADING_TAKES_SEC,
        check=False,
    )
    if tried.returncode == 0:
        return ""
    return tried.stderr.strip() or f"loading it ends the process (code {tried.returncode})"


@dataclass(frozen=True, slots=True)
class DriverManager:
    """unixODBC: where its library is, and its installer's library, which reads the files."""

    path: str
    _installer: Any

    @classmethod
    def load(cls) -> DriverManager | None:
        """The libraries that this system's programs use, or None where one of them is not installed or does not load."""
        manager, installer = _load(MANAGER_FILES), _load(INSTALLER_FILES)
        if manager is None or installer is None:
            return None
        installer.odbcinst_system_file_path.restype = ctypes.c_char_p
        installer.odbcinst_system_file_name.restype = ctypes.c_char_p
        installer.odbcinst_user_file_path.restype = ctypes.c_char_p
        installer.odbcinst_user_file_name.restype = ctypes.c_char_p
        found = find_library(*MANAGER_FILES)
        return cls(str(found) if found else manager._name, installer)

    def version(self) -> str | None:
        """unixODBC's version, as it stands in the library. To ask it for that would make files and begin its trace."""
        try:
            found = UNIXODBC_VERSION.search(Path(self.path).read_bytes())
        except OSError:  # the loader found it where nobody knows
            return None
        return found[1].decode() if found else None

    # Files. These functions of libodbcinst are what `odbcinst -j` calls; the argument 0 stops them from making the file.

    def system_drivers_file(self) -> str:
        """odbcinst.ini, in the folder that ODBCSYSINI names."""
        return self._joined("odbcinst_system_file_path", "odbcinst_system_file_name")

    def user_drivers_file(self) -> str:
        """The user's own odbcinst.ini."""
        return self._joined("odbcinst_user_file_path", "odbcinst_user_file_name")

    def sources_files(self) -> dict[str, str]:
        """The user's odbc.ini, which ODBCINI names, then the system's; one of them alone where ODBCSEARCH says so."""
        mode = ctypes.c_uint16()
        self._installer.SQLGetConfigMode(ctypes.byref(mode))
        asked = {"user": "_odbcinst_UserINI", "system": "_odbcinst_SystemINI"}
        return {role: self._file(asked[role]) for role in SEARCHED[mode.value]}

    def _joined(self, *functions: str) -> str:
        parts = [getattr(self._installer, name)(ctypes.create_string_buffer(FILE_NAME_BYTES + 1)) for name in functions]
        return b"/".join(parts).decode(errors="surrogateescape")

    def _file(self, function: str) -> str:
        name = ctypes.create_string_buffer(FILE_NAME_BYTES + 1)
        getattr(self._installer, function)(name, 0)
        return name.value.decode(errors="surrogateescape")

    # Contents, as unixODBC reads them

    def drivers(self) -> list[str]:
        """The registered drivers. Only to be asked where the system's odbcinst.ini exists."""
        return self._names("odbcinst.ini")

    def driver_setting(self, driver: str, key: str) -> str:
        """A setting of a driver, empty where there is none."""
        return self._ask("odbcinst.ini", driver, key).value.decode(errors="replace")

    def data_sources(self, file: str, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """The data sources in an odbc.ini that exists, each with its settings; empty where there is none of a key."""
        with TemporaryDirectory() as folder:
            # Whatever has `odbcinst` in its path is taken for the file of the drivers (SQLGetPrivateProfileString.c).
            plain = Path(folder) / "odbc.ini"
            plain.symlink_to(file)
            return {
                name: {key: self._ask(str(plain), name, key).value.decode(errors="replace") for key in keys}
                for name in self._names(str(plain))
            }

    def _names(self, file: str) -> list[str]:
        listed, _, _ = self._ask(file, None, None).raw.partition(b"\0\0")
        return [name.decode(errors="replace") for name in listed.split(b"\0") if name]

    def _ask(self, file: str, section: str | None, key: str | None) -> ctypes.Array[ctypes.c_char]:
        answer = ctypes.create_string_buffer(ANSWER_BYTES)
        asked = [None if text is None else text.encode(errors="surrogateescape") for text in (section, key)]
        name = file.encode(errors="surrogateescape")
        self._installer.SQLGetPrivateProfileString(*asked, b"", answer, len(answer), name)
        return answer


def _load(names: tuple[str, ...]) -> Any:
    """The first of these libraries that loads, as the loader finds it for pyodbc; None where there is none."""
    # pyodbc names Homebrew's by its path, since the loader of macOS does not search there by itself.
    brewed = find_library(*(name for name in names if name.endswith(".dylib")))
    for name in (*names, *([str(brewed)] if brewed else [])):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
