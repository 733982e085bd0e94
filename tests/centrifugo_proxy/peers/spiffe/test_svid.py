"""Reading our SVID from an answer of the Workload API, and checking another workload's certificate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.peers.spiffe.svid import BadSvid, Svid, read_svid, split_der
from centrifugo_proxy.peers.spiffe.verify import WrongCertificate, WrongId, check
from proto.spiffe.workload_api_pb2 import X509SVID
from tests.harness.spiffe import IDENTITY, OTHER, US, TrustDomain

DOMAIN = TrustDomain()
LEAF = DOMAIN.issue(US)


def message(**fields: bytes | str) -> X509SVID:
    """A valid SVID except for these fields."""
    good = {"spiffe_id": US, "x509_svid": LEAF.der, "x509_svid_key": LEAF.key_der, "bundle": DOMAIN.bundle}
    return X509SVID(**{**good, **fields})  # type: ignore[arg-type]


def test_the_first_svid_is_read_with_the_bundles_of_every_trust_domain() -> None:
    other = DOMAIN.issue(OTHER)
    second = message(spiffe_id=OTHER, x509_svid=other.der, x509_svid_key=other.key_der)

    svid = read_svid([message(x509_svid=LEAF.der + DOMAIN.bundle), second], {"spiffe://b": b"theirs"})

    assert svid == Svid(
        id=US,
        chain_der=(LEAF.der, DOMAIN.bundle),
        key_der=LEAF.key_der,
        bundles={"spiffe://example.org": DOMAIN.bundle, "spiffe://b": b"theirs"},
        serial=LEAF.certificate.serial_number,
        not_after=LEAF.certificate.not_valid_after_utc.timestamp(),
    )
    assert (svid.bundle_for(IDENTITY), svid.bundle_for("spiffe://b/x")) == (DOMAIN.bundle, b"theirs")
    assert svid.bundle_for("spiffe://c/x") == b""


def test_one_of_several_svids_can_be_chosen_by_its_id() -> None:
    other = DOMAIN.issue(OTHER)
    second = message(spiffe_id=OTHER, x509_svid=other.der, x509_svid_key=other.key_der)

    assert read_svid([message(), second], {}, OTHER).id == OTHER
    with pytest.raises(BadSvid, match=f"no SVID with the ID {IDENTITY}"):
        read_svid([message(), second], {}, IDENTITY)


CURVE = bytes.fromhex("06082a8648ce3d030107")  # the DER encoding of the identifier of P-256
POINT = CURVE + b"\x03\x42\x00\x04"  # the same, followed by the first bytes of an uncompressed point

BAD = {
    "no SVID": ([], "the answer has no SVID"),
    "empty ID": ([message(spiffe_id="")], "the SVID has an empty spiffe_id"),
    "empty certificate": ([message(x509_svid=b"")], "the SVID has an empty x509_svid"),
    "empty key": ([message(x509_svid_key=b"")], "the SVID has an empty x509_svid_key"),
    "empty bundle": ([message(bundle=b"")], "the SVID has an empty bundle"),
    "another ID": ([message(spiffe_id=OTHER)], "the ID in the SVID's certificate differs from the answer's spiffe_id"),
    "key of another SVID": (
        [message(x509_svid_key=DOMAIN.issue(US).key_der)],
        "the SVID's key does not belong to its certificate",
    ),
    "unknown curve": (
        [message(x509_svid=LEAF.der.replace(CURVE, CURVE[:-1] + b"\x06"))],
        "the SVID's key cannot be read (UnsupportedAlgorithm)",
    ),
    "invalid point": (
        [message(x509_svid=LEAF.der.replace(POINT, POINT[:-1] + b"\x09"))],
        "the SVID's key cannot be read (ValueError)",
    ),
    "no key": ([message(x509_svid_key=b"\x30\x00")], "the SVID's key cannot be read (ValueError)"),
    "garbage": ([message(x509_svid=b"garbage")], "the SVID's x509_svid does not consist of DER certificates"),
    "cut off": ([message(x509_svid=LEAF.der[:-1])], "the SVID's x509_svid does not consist of DER certificates"),
    "bad bundle": ([message(bundle=b"\x30\x03abc")], "the SVID's bundle does not consist of DER certificates"),
    "authority": ([message(x509_svid=DOMAIN.bundle)], "the SVID's certificate has 0 URI names instead of one"),
}


@pytest.mark.parametrize(("svids", "problem"), BAD.values(), ids=BAD)
def test_an_unusable_answer_is_refused_with_a_reason_that_contains_no_key(svids: list[X509SVID], problem: str) -> None:
    with pytest.raises(BadSvid) as refused:
        read_svid(svids, {})

    assert str(refused.value) == problem


def test_the_repr_of_an_svid_does_not_contain_its_key() -> None:
    svid = read_svid([message()], {})

    assert "key_der" not in repr(svid)
    assert repr(LEAF.key_der) not in repr(svid)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_split_into_der_values_or_refused(data: bytes) -> None:
    try:
        parts = split_der(data)
    except ValueError:
        return
    assert b"".join(parts) == data


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_as_a_certificate(data: bytes) -> None:
    with pytest.raises(WrongCertificate):
        check(data, {IDENTITY})


def test_a_certificate_with_one_of_the_accepted_ids_is_accepted() -> None:
    assert check(DOMAIN.issue(IDENTITY).der, {OTHER, IDENTITY}) == IDENTITY


@pytest.mark.parametrize("found", [OTHER, IDENTITY.upper().replace("SPIFFE", "spiffe"), IDENTITY + "/x"])
def test_a_certificate_with_any_other_id_is_refused(found: str) -> None:
    with pytest.raises(WrongCertificate):
        check(DOMAIN.issue(found).der, {IDENTITY})


def test_the_reason_for_refusing_a_valid_certificate_names_its_id() -> None:
    with pytest.raises(WrongId, match=f"^has the ID {OTHER}$"):
        check(DOMAIN.issue(OTHER).der, {IDENTITY})


WRONG = {
    "two URIs": (DOMAIN.issue(IDENTITY, OTHER), "has 2 URI names instead of one"),
    "the same twice": (DOMAIN.issue(IDENTITY, IDENTITY), "has 2 URI names instead of one"),
    "no URI": (DOMAIN.issue(), "has 0 URI names instead of one"),
    "no path": (DOMAIN.issue("spiffe://example.org"), "has no SPIFFE ID of a workload"),
    "authority": (DOMAIN.issue(IDENTITY, ca=True), "may sign other certificates"),
    "may sign": (DOMAIN.issue(IDENTITY, signs=True), "may sign other certificates"),
}


@pytest.mark.parametrize(("leaf", "problem"), WRONG.values(), ids=WRONG)
def test_a_certificate_that_is_not_a_leaf_svid_is_refused(leaf: object, problem: str) -> None:
    with pytest.raises(WrongCertificate, match=problem):
        check(leaf.der, {IDENTITY})  # type: ignore[attr-defined]
