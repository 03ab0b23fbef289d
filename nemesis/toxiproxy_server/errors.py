"""What the API refuses, with the status and the words of toxiproxy.

ApiError(status, message)
├── bad_request_body   the body is not JSON, or not of this shape
├── missing_field      a proxy without a name or an upstream
└── unusable           an address that cannot be bound, resolved or parsed (500)
"""

__all__ = [
    "INVALID_STREAM",
    "INVALID_TOXIC_TYPE",
    "PROXY_ALREADY_EXISTS",
    "PROXY_NOT_FOUND",
    "TOXIC_ALREADY_EXISTS",
    "TOXIC_NOT_FOUND",
    "ApiError",
    "bad_request_body",
    "missing_field",
    "unusable",
]

PROXY_NOT_FOUND = (404, "proxy not found")
PROXY_ALREADY_EXISTS = (409, "proxy already exists")
TOXIC_NOT_FOUND = (404, "toxic not found")
TOXIC_ALREADY_EXISTS = (409, "toxic already exists")
INVALID_TOXIC_TYPE = (400, "invalid toxic type")
INVALID_STREAM = (400, "stream was invalid, can be either upstream or downstream")


class ApiError(Exception):
    """A request that was not carried out; the client sees both fields."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request_body(why: str) -> ApiError:
    """Say what the JSON decoder found."""
    return ApiError(400, f"bad request body: {why}")


def missing_field(which: str) -> ApiError:
    """Say which field a proxy cannot do without."""
    return ApiError(400, f"missing required field: {which}")


def unusable(why: str) -> ApiError:
    """Say why an address cannot be listened on."""
    return ApiError(500, why)
