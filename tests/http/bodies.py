"""The constant bodies of answers."""

INVALID_TICKET = {"disconnect": {"code": 4401, "reason": "invalid ticket"}}
UNAVAILABLE = {"disconnect": {"code": 4503, "reason": "ticket validation temporarily unavailable"}}
INTERNAL_ERROR = {"error": {"code": 100, "message": "internal error"}}
BAD_REQUEST = {"error": {"code": 107, "message": "bad request"}}
PERMISSION_DENIED = {"error": {"code": 103, "message": "permission denied"}}
NOT_IMPLEMENTED = {"error": {"code": 1501, "message": "not implemented"}}
