"""The development authority: what it issues, to whom, for how long, and when it does so again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from libs.cli.certificates import AUTHORITY_LIFE, LIFE, RENEWED_BEFORE_END, Authority
from libs.common.clock import now
from libs.common.tls import Certificates, TlsFiles

HOUR = timedelta(hours=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


def certificate(files: TlsFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


def names(files: TlsFiles) -> x509.SubjectAlternativeName:
    return certificate(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def uris(files: TlsFiles) -> list[str]:
    return names(files).get_values_for_type(x509.UniformResourceIdentifier)


def usages(files: TlsFiles) -> set[x509.ObjectIdentifier]:
    return set(certificate(files).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def begun(files: TlsFiles) -> datetime:
    return certificate(files).not_valid_before_utc


def test_a_service_is_named_and_good_for_its_own_name_and_this_machine(authority: Authority) -> None:
    files = authority.service("risk", now=now())

    assert uris(files) == ["spiffe://laurel/service/risk"]
    assert names(files).get_values_for_type(x509.DNSName) == ["risk", "localhost"]
    assert [str(each) for each in names(files).get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert usages(files) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}


def test_an_operator_and_a_partner_are_named_and_no_servers(authority: Authority) -> None:
    operator, partner = authority.operator(now=now()), authority.partner("music_store", "till-1", now=now())

    assert uris(operator) == ["spiffe://laurel/operator/laurel"]
    assert uris(partner) == ["spiffe://laurel/partner/music_store/till-1"]
    assert usages(operator) == usages(partner) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert partner.certificate.name == "music_store.till-1.pem"


def test_every_key_is_readable_by_its_owner_only(authority: Authority, tmp_path: Path) -> None:
    authority.service("risk", now=now())
    authority.partner("music_store", "till", now=now())

    found = list((tmp_path / "tls").rglob("*.key"))

    assert len(found) == 3
    assert {file.stat().st_mode & 0o777 for file in found} == {0o600}
    assert not list((tmp_path / "tls").rglob("*.new"))


def test_what_it_issues_cannot_issue_anything(authority: Authority) -> None:
    issued = certificate(authority.service("risk", now=now()))

    assert not issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not issued.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_good_certificate_is_not_made_again(authority: Authority) -> None:
    first = authority.service("risk", now=now()).certificate.read_bytes()

    assert authority.service("risk", now=now() + HOUR).certificate.read_bytes() == first


@pytest.mark.parametrize(
    ("left", "renewed"),
    [(RENEWED_BEFORE_END + HOUR, False), (RENEWED_BEFORE_END - HOUR, True), (-HOUR, True)],
    ids=["more than a month", "less than a month", "nothing"],
)
def test_a_certificate_is_renewed_a_month_before_its_end(
    authority: Authority, left: timedelta, renewed: bool
) -> None:
    start = now().replace(microsecond=0)
    authority.service("risk", now=start)
    later = start + LIFE - left

    files = authority.service("risk", now=later)

    assert begun(files) == (later if renewed else start)
    assert Certificates(files).current().key == files.key.read_bytes()


def test_a_certificate_in_the_place_of_another_is_replaced(authority: Authority) -> None:
    own, other = authority.service("risk", now=now()), authority.service("members", now=now())
    own.certificate.write_bytes(other.certificate.read_bytes())

    assert uris(authority.service("risk", now=now())) == ["spiffe://laurel/service/risk"]


def test_an_authority_near_its_end_is_made_anew_with_all_that_it_issued(authority: Authority) -> None:
    start = now()
    before = authority.service("risk", now=start).authority.read_bytes()

    files = authority.service("risk", now=start + AUTHORITY_LIFE - LIFE + HOUR)

    assert files.authority.read_bytes() != before
    issuer = x509.load_pem_x509_certificate(files.authority.read_bytes())
    certificate(files).verify_directly_issued_by(issuer)


@pytest.mark.parametrize("harm", ["certificate", "key"])
def test_what_is_lost_is_made_again(authority: Authority, harm: str) -> None:
    files = authority.service("risk", now=now())
    getattr(files, harm).unlink()

    assert Certificates(authority.service("risk", now=now()))


def test_a_certificate_that_became_unreadable_is_made_again(authority: Authority) -> None:
    files = authority.service("risk", now=now())
    files.certificate.write_text("nothing")

    assert Certificates(authority.service("risk", now=now()))


def test_two_authorities_are_never_mistaken_for_each_other(tmp_path: Path) -> None:
    one, other = (Authority(tmp_path / name).operator(now=now()).authority for name in ("one", "other"))

    subjects = {x509.load_pem_x509_certificate(file.read_bytes()).subject for file in (one, other)}

    assert len(subjects) == 2
