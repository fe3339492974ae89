"""Files that the harness writes: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from harness.errors import InputError

_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_REMEDY = "Choose a writable file in an existing folder."


def write_output(path: Path, data: bytes, *, private: bool = False, overwrite: bool = True) -> None:
    """Write `data` to `path` through a temporary file beside it, so that no half-written file is ever seen there.

    Args:
        path: the file; its folder must exist. A device such as `/dev/stdout` is written directly.
        data: the whole content.
        private: give the file mode 0600 from its first byte on.
        overwrite: replace an existing file.

    Raises:
        InputError: the file exists and `overwrite` is false, or it can't be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if is_device(path):
            with open_device(path) as stream:
                stream.write(data)
        elif overwrite:
            _replace(target, data, private=private)
        else:
            _create(target, data, private=private)
    except FileExistsError as error:
        raise InputError("exists already", source=str(path), remedy="Choose another name, or remove the file first.") from error
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", source=str(path), remedy=_REMEDY) from error


def write_files(folder: Path, files: Mapping[str, bytes], *, source: str) -> list[Path]:
    """Write files by name into a folder, which is made if need be; return their paths in order.

    Args:
        source: the option that named the folder, for the message.

    Raises:
        InputError: the folder can't be made, or a file can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot make the folder {folder}: {reason}", source=source, remedy="Name a folder that you can write to.") from error
    for name, content in files.items():
        write_output(folder / name, content)
    return sorted(folder / name for name in files)


def is_device(path: Path) -> bool:
    """Tell whether `path` names something that is written as it comes, such as `/dev/stdout`, a pipe or `-`."""
    return str(path) in _STANDARD_OUTPUT or (path.exists() and not path.is_file() and not path.is_dir())


def open_device(path: Path) -> BinaryIO:
    """Open what `is_device` recognised. Standard output is shared, not opened anew: that would overwrite what is there already."""
    if str(path) in _STANDARD_OUTPUT:
        return os.fdopen(os.dup(1), "wb", buffering=0)
    return path.open("wb", buffering=0)


def check_writable(option: str, path: Path) -> None:
    """Find out before long work that its result could not be written.

    Raises:
        InputError: the file, or its folder, can't be written.
    """
    folder = path.parent
    if is_device(path) or (os.access(path, os.W_OK) and path.is_file()) or (not path.exists() and folder.is_dir() and os.access(folder, os.W_OK)):
        return
    reason = "it is a folder" if path.is_dir() else "no such folder" if not folder.is_dir() else "permission denied"
    raise InputError(f"cannot write {path}: {reason}", source=option, remedy=_REMEDY)


def _create(target: Path, data: bytes, *, private: bool) -> None:
    """Claim the name with an empty file, then replace that: two writers can't both succeed."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _replace(target, data, private=private)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _replace(target: Path, data: bytes, *, private: bool) -> None:
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
    # 0o666 is cut down by the umask, as for any file that a command creates.
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


class OutputStream:
    """A result file, opened before the work starts: an unwritable path is found at once, not after minutes.

    Raises:
        InputError: the file can't be created.
    """

    def __init__(self, option: str, path: Path) -> None:
        self._option = option
        self._path = path
        try:
            self._stream = open_device(path) if is_device(path) else path.open("wb")
        except OSError as error:
            raise self._error(error) from error

    def write(self, data: bytes) -> None:
        """Append bytes; they are on disk when this returns."""
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Close the file."""
        try:
            self._stream.close()  # writes what is left
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> InputError:
        reason = error.strerror or str(error)
        return InputError(f"cannot write {self._path}: {reason}", source=self._option, remedy=_REMEDY)
