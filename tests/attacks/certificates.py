"""Certificates that nobody honest has: of another authority, expired, or naming nobody whom we know."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from libs.common.tls import TlsFiles

DAY = timedelta(days=1)


def issued(
    folder: Path,
    authority: TlsFiles,
    names: list[x509.GeneralName],
    *,
    now: datetime,
    begin: timedelta = -DAY,
    end: timedelta = DAY,
) -> TlsFiles:
    """A certificate for clients with these names, by the authority whose certificate and key these are."""
    folder.mkdir(parents=True, exist_ok=True)
    signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signing = load_pem_private_key(authority.key.read_bytes(), password=None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    builder = (
        x509.CertificateBuilder(signer.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(signing, hashes.SHA256())
    files = TlsFiles(folder / "leaf.pem", folder / "leaf.key", authority.authority)
    files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def uri(name: str) -> x509.UniformResourceIdentifier:
    """A name as certificates of ours have one."""
    return x509.UniformResourceIdentifier(name)
