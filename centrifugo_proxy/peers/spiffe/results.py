"""The possible results of an attempt to connect to a peer."""

from typing import Final

OK, WRONG_ID, BAD_CERTIFICATE, NO_SVID, UNREACHABLE = "ok", "wrong_id", "bad_certificate", "no_svid", "unreachable"
RESULTS: Final = (OK, WRONG_ID, BAD_CERTIFICATE, NO_SVID, UNREACHABLE)
