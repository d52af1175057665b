"""Mutual TLS: the certificate of this process, and the authority whose certificates it trusts."""

import time
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from libs.common.clock import now
from libs.common.settings import ConfigurationError, Identity
from libs.common.telemetry import log

LOOKED_AT_SECONDS = 1.0

# Whatever reading and parsing the files raises: an encrypted key is a TypeError.
UNUSABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm)

_State = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate, followed by those between it and the authority; its key; the authority."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Pem:
    """What the files hold."""

    certificate: bytes
    key: bytes
    authority: bytes


class Certificates:
    """The certificate of this process as it is in its files, which may be renewed while it runs.

    Files that do not fit together, as while they are being replaced, are left
    alone: what they held before stands. Asked by gRPC's threads, too.
    """

    def __init__(self, files: TlsFiles) -> None:
        """ConfigurationError when the files cannot be used."""
        self._files = files
        try:
            self._state, self._pem = _state(files), _read(files)
        except UNUSABLE as error:
            raise ConfigurationError(f"the TLS files beside {files.certificate}: {error}") from error
        self._look_again = time.monotonic() + LOOKED_AT_SECONDS

    def current(self) -> Pem:
        """What the files hold now; they are looked at once a second."""
        if time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + LOOKED_AT_SECONDS
            self._refresh()
        return self._pem

    def _refresh(self) -> None:
        try:
            state = _state(self._files)
            if state == self._state:
                return
            self._state = state
            fresh = _read(self._files)
            if fresh != self._pem:  # and not the same one, for which everything stays as it is
                self._pem = fresh
        except UNUSABLE as error:
            log("tls").error("the last good certificate stands", error=repr(error))


def certificates_of(settings: Identity) -> Certificates | None:
    """The certificate that the settings name; None in development without TLS."""
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    if certificate is None or key is None or settings.tls_ca_file is None:
        return None
    return Certificates(TlsFiles(certificate, key, settings.tls_ca_file))


def server_credentials(certificates: Certificates) -> grpc.ServerCredentials:
    """What a server shows, and demands of every client; a handshake goes by the certificates of its time."""
    shown = certificates.current()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        pem = certificates.current()
        if pem is shown:
            return None
        shown = pem
        return _configuration(pem)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(shown),
        renewed,  # type: ignore[arg-type]  # None says that nothing changed
        require_client_authentication=True,
    )


def client_credentials(pem: Pem) -> grpc.ChannelCredentials:
    """What a client shows, and demands of the server."""
    return grpc.ssl_channel_credentials(pem.authority, pem.key, pem.certificate)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(pem.key, pem.certificate)], root_certificates=pem.authority
    )


def _state(files: TlsFiles) -> _State:
    states = (file.stat() for file in (files.certificate, files.key, files.authority))
    return tuple((state.st_mtime_ns, state.st_ino, state.st_size) for state in states)


def _read(files: TlsFiles) -> Pem:
    """What the files hold, or ValueError when the certificate has ended or the key is not its own."""
    pem = Pem(files.certificate.read_bytes(), files.key.read_bytes(), files.authority.read_bytes())
    load_pem_x509_certificates(pem.authority)
    key = load_pem_private_key(pem.key, password=None)
    certificate = load_pem_x509_certificates(pem.certificate)[0]
    if certificate.public_key() != key.public_key():
        raise ValueError(f"{files.key} is not the key of {files.certificate}")
    if certificate.not_valid_after_utc <= now():
        raise ValueError(
            f"{files.certificate} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
        )
    return pem
