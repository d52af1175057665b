"""The development authority: makes the certificates of one platform's services, operator and partners."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from libs.common.ids import new_id
from libs.common.keys import write_private
from libs.common.tls import TlsFiles

TRUST_DOMAIN = "laurel"
OPERATOR = "laurel"
SERVER_HOSTS = ("localhost", "127.0.0.1")
AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=90)
RENEWED_BEFORE_END = timedelta(days=30)


class Authority:
    """The authority of one data folder, with all that it has issued."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._certificate_file, self._key_file = folder / "ca.pem", folder / "ca.key"

    def service(self, name: str, *, now: datetime) -> TlsFiles:
        """A service's certificate, good for clients that mean this service and no other."""
        return self._issued(name, f"service/{name}", (name, *SERVER_HOSTS), now)

    def operator(self, *, now: datetime) -> TlsFiles:
        """The certificate of the `laurel` command."""
        return self._issued("operator", f"operator/{OPERATOR}", (), now)

    def partner(self, program_id: str, partner_id: str, *, now: datetime) -> TlsFiles:
        """A partner's certificate."""
        name, path = f"partners/{program_id}.{partner_id}", f"partner/{program_id}/{partner_id}"
        return self._issued(name, path, (), now)

    def files(self, name: str) -> TlsFiles:
        """Where what was issued under a name is."""
        folder = self._folder
        return TlsFiles(folder / f"{name}.pem", folder / f"{name}.key", self._certificate_file)

    def partner_files(self, program_id: str, partner_id: str) -> TlsFiles:
        """Where the certificate of a partner is, if it has one."""
        return self.files(f"partners/{program_id}.{partner_id}")

    def _issued(self, name: str, path: str, hosts: Sequence[str], now: datetime) -> TlsFiles:
        """The files of a good certificate, made or renewed where that is due."""
        authority, authority_key = self._authority(now)
        files = self.files(name)
        names = _names(path, hosts)
        if not _is_good(files, authority, names, now):
            files.certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = _leaf(name, names, key.public_key(), authority, now).sign(
                authority_key, hashes.SHA256()
            )
            _write(files.key, files.certificate, key, certificate)
        return files

    def _authority(self, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """The authority's certificate and key, made when there is none that outlives what it will sign."""
        if self._certificate_file.exists():
            certificate = x509.load_pem_x509_certificate(self._certificate_file.read_bytes())
            if certificate.not_valid_after_utc > now + LIFE:
                key = load_pem_private_key(self._key_file.read_bytes(), password=None)
                assert isinstance(key, ec.EllipticCurvePrivateKey), "we make no other"
                return certificate, key
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _authority(key.public_key(), now).sign(key, hashes.SHA256())
        _write(self._key_file, self._certificate_file, key, certificate)
        return certificate, key


def _names(path: str, hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    uri = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/{path}")
    return x509.SubjectAlternativeName([uri, *map(_host, hosts)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _authority(public: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    # A name of its own, or it would be mistaken for the authority of another folder.
    name = _named(f"Laurel development {new_id('ca')}")
    return (
        _certificate(name, name, public, now, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _leaf(
    name: str,
    names: x509.SubjectAlternativeName,
    public: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    now: datetime,
) -> x509.CertificateBuilder:
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if names.get_values_for_type(x509.DNSName):
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    return (
        _certificate(_named(name.rpartition("/")[2]), authority.subject, public, now, now + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(issuer, critical=False)
        .add_extension(names, critical=False)
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
    serial = x509.random_serial_number()
    return builder.serial_number(serial).not_valid_before(begin).not_valid_after(end)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[-64:])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _is_good(
    files: TlsFiles, authority: x509.Certificate, names: x509.SubjectAlternativeName, now: datetime
) -> bool:
    """Whether there is a certificate of these names by this authority, with some time left."""
    if not (files.certificate.exists() and files.key.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        certificate.verify_directly_issued_by(authority)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return held == names and certificate.not_valid_after_utc > now + RENEWED_BEFORE_END


def _write(
    key_file: Path, certificate_file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    """Write both, the certificate last: readers leave a pair alone that does not fit together."""
    fresh = key_file.with_name(f"{key_file.name}.new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    fresh.replace(key_file)
    fresh = certificate_file.with_name(f"{certificate_file.name}.new")
    fresh.write_bytes(certificate.public_bytes(Encoding.PEM))
    fresh.replace(certificate_file)
