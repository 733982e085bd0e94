from proto.realtime.v1 import connect_proxy_pb2 as _connect_proxy_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallRequest(_message.Message):
    __slots__ = ("method", "data", "user_id", "family_id", "client_id", "subscription_tier", "is_admin")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_TIER_FIELD_NUMBER: _ClassVar[int]
    IS_ADMIN_FIELD_NUMBER: _ClassVar[int]
    method: str
    data: bytes
    user_id: str
    family_id: str
    client_id: str
    subscription_tier: _connect_proxy_pb2.SubscriptionTier
    is_admin: bool
    def __init__(self, method: _Optional[str] = ..., data: _Optional[bytes] = ..., user_id: _Optional[str] = ..., family_id: _Optional[str] = ..., client_id: _Optional[str] = ..., subscription_tier: _Optional[_Union[_connect_proxy_pb2.SubscriptionTier, str]] = ..., is_admin: _Optional[bool] = ...) -> None: ...

class CallResponse(_message.Message):
    __slots__ = ("data", "error", "disconnect")
    DATA_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    error: _connect_proxy_pb2.Error
    disconnect: _connect_proxy_pb2.Disconnect
    def __init__(self, data: _Optional[bytes] = ..., error: _Optional[_Union[_connect_proxy_pb2.Error, _Mapping]] = ..., disconnect: _Optional[_Union[_connect_proxy_pb2.Disconnect, _Mapping]] = ...) -> None: ...
