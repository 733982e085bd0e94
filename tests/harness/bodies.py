"""The constant bodies of answers, and constant parts of bodies."""

INVALID_TICKET = {"disconnect": {"code": 4401, "reason": "invalid ticket"}}
UNAVAILABLE = {"disconnect": {"code": 4503, "reason": "ticket validation temporarily unavailable"}}
INTERNAL_ERROR = {"error": {"code": 100, "message": "internal error"}}
BAD_REQUEST = {"error": {"code": 107, "message": "bad request"}}
PERMISSION_DENIED = {"error": {"code": 103, "message": "permission denied"}}
NOT_IMPLEMENTED = {"error": {"code": 1501, "message": "not implemented"}}
BRANCHES = {"result", "error", "disconnect"}  # each 200 has exactly one
POOL_MARKS = {"degraded": True, "fallback_path": "pool"}  # info, meta and data of a connection with a fallback ticket
