"""The files of a backup: the layout of mongodump, and a manifest that is written last."""

import gzip
import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bson import json_util
from pydantic import BaseModel, ValidationError

from libs.cli.errors import CommandError

FORMAT = 1
DOCUMENT_BYTES_MIN, DOCUMENT_BYTES_MAX = 5, 16 * 1024 * 1024 + 16 * 1024
_MANIFEST = "manifest.json"
_LENGTH_BYTES = 4

Told = Callable[[int], None]


class Collection(BaseModel):
    """One collection of a backup."""

    service: str
    name: str
    documents: int
    bytes: int
    sha256: str
    metadata_sha256: str


class Manifest(BaseModel):
    """What a backup holds. `cluster_time` is the moment of all of it: seconds and a counter within them."""

    format: int
    taken_time: str
    cluster_time: tuple[int, int]
    collections: list[Collection]

    @property
    def documents(self) -> int:
        """All documents."""
        return sum(each.documents for each in self.collections)


@dataclass(frozen=True, slots=True)
class Dump:
    """The folder of a backup."""

    folder: Path

    def begin(self) -> None:
        """Make the folder, which must be new or empty."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(self.folder.iterdir()):
            raise CommandError(f"{self.folder} is not empty: name a folder that does not exist yet.")

    def end(self, manifest: Manifest) -> None:
        """Say that the backup is whole."""
        _write(self.folder / _MANIFEST, manifest.model_dump_json(indent=2).encode())

    def manifest(self) -> Manifest:
        """What the backup holds, if it is whole."""
        try:
            manifest = Manifest.model_validate_json((self.folder / _MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise CommandError(
                f"{self.folder} holds no whole backup: {_MANIFEST} is missing or says none."
            ) from error
        if manifest.format != FORMAT:
            raise CommandError(f"{self.folder} has format {manifest.format}; this Laurel reads {FORMAT}.")
        return manifest

    def documents_file(self, service: str, name: str) -> Path:
        """Where the documents of a collection are."""
        return self.folder / service / f"{name}.bson.gz"

    def file(self, name: str) -> Path:
        """Another file of the backup, such as the heads of the audit chains."""
        return self.folder / "files" / name

    def keep_file(self, name: str, content: bytes) -> None:
        """Keep a file beside the databases."""
        _write(self.file(name), content)

    def write_documents(
        self, service: str, name: str, metadata: dict[str, Any], batches: Iterator[bytes], told: Told
    ) -> Collection:
        """Write a collection from BSON documents one behind the other, in batches."""
        file = self.documents_file(service, name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        described = gzip.compress(json_util.dumps(metadata).encode(), mtime=0)
        _write(file.with_name(f"{name}.metadata.json.gz"), described)
        hashed, size, count = hashlib.sha256(), 0, 0
        with _private(file) as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
            for batch in batches:
                packed.write(batch)
                hashed.update(batch)
                size += len(batch)
                found = sum(1 for _ in _lengths(batch))
                count += found
                told(found)
        return Collection(
            service=service,
            name=name,
            documents=count,
            bytes=size,
            sha256=hashed.hexdigest(),
            metadata_sha256=hashlib.sha256(described).hexdigest(),
        )

    def require_whole(self, manifest: Manifest) -> None:
        """CommandError unless every file is what it was, found out before anything is restored."""
        for collection in manifest.collections:
            self.metadata(collection)
            deque(self.documents(collection), maxlen=0)

    def metadata(self, collection: Collection) -> dict[str, Any]:
        """Options and indexes of a collection."""
        file = self.documents_file(collection.service, collection.name)
        file = file.with_name(f"{collection.name}.metadata.json.gz")
        try:
            packed = file.read_bytes()
            read: dict[str, Any] = json_util.loads(gzip.decompress(packed).decode())
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        if hashlib.sha256(packed).hexdigest() != collection.metadata_sha256:
            raise CommandError(f"{file} is not what the manifest says: it was changed.")
        return read

    def documents(self, collection: Collection) -> Iterator[bytes]:
        """Each document of a collection as BSON; CommandError at the end if the file is not what it was."""
        hashed, count = hashlib.sha256(), 0
        file = self.documents_file(collection.service, collection.name)
        try:
            with gzip.open(file) as packed:
                while document := _next(packed):
                    hashed.update(document)
                    count += 1
                    yield document
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        if (count, hashed.hexdigest()) != (collection.documents, collection.sha256):
            raise CommandError(f"{file} is not what the manifest says: it was changed or cut.")


def _lengths(batch: bytes) -> Iterator[int]:
    place = 0
    while place < len(batch):
        length = int.from_bytes(batch[place : place + _LENGTH_BYTES], "little")
        place += length
        yield length


def _next(packed: gzip.GzipFile) -> bytes:
    """The next document; nothing at the end."""
    head = packed.read(_LENGTH_BYTES)
    if not head:
        return b""
    length = int.from_bytes(head, "little")
    if not DOCUMENT_BYTES_MIN <= length <= DOCUMENT_BYTES_MAX:
        raise ValueError("a document of impossible length")
    document = head + packed.read(length - len(head))
    if len(document) != length:
        raise EOFError("it ends within a document")
    return document


def _private(file: Path) -> BinaryIO:
    """A new file that only its owner reads."""
    file.touch(mode=0o600, exist_ok=False)
    return file.open("wb")


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _private(file) as opened:
        opened.write(content)
