"""Django's ASGI request, with attributes that are built on demand."""

from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from realtime_site.serving.asgi_types import Scope


class LeanRequest(ASGIRequest):
    """Sets only the attributes that routing and the service's views read.

    The other attributes, such as META and headers, are built on first use, or immediately for a request with a query
    string or a root path. Building META costs more than the rest of the request object.
    """

    _completed = False  # True once `_complete` has begun

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.scope = scope
        self.method = scope["method"].upper()
        self.path = self.path_info = scope["path"]
        self.resolver_match = None
        self._body = body
        if scope.get("root_path") or scope.get("query_string"):
            self._complete()

    def __getattr__(self, name: str) -> Any:
        if self._completed:  # `_complete` has set all attributes, or is running: this attribute does not exist
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._complete()
        return getattr(self, name)

    def _complete(self) -> None:
        """Run Django's own constructor. Raises UnicodeDecodeError for a query string that is not UTF-8."""
        self._completed = True
        match = self.resolver_match
        super().__init__(self.scope, BytesIO(self._body))
        self.resolver_match = match

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Same as Django, except for a parameter with an unknown encoding: Django raises an error, but this method
        leaves the content type empty.
        """
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # not in the stubs
        except ValueError:
            self.content_type, self.content_params = "", {}

    def close(self) -> None:
        """Close uploaded files. A request that was never completed has no files."""
        if self._completed and "_stream" in self.__dict__:  # checked last: reading __dict__ creates it
            super().close()
