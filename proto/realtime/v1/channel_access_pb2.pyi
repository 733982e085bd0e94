from proto.realtime.v1 import connect_proxy_pb2 as _connect_proxy_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChannelAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_ACTION_UNSPECIFIED: _ClassVar[ChannelAction]
    CHANNEL_ACTION_SUBSCRIBE: _ClassVar[ChannelAction]
    CHANNEL_ACTION_PUBLISH: _ClassVar[ChannelAction]
CHANNEL_ACTION_UNSPECIFIED: ChannelAction
CHANNEL_ACTION_SUBSCRIBE: ChannelAction
CHANNEL_ACTION_PUBLISH: ChannelAction

class AuthorizeRequest(_message.Message):
    __slots__ = ("user_id", "family_id", "client_id", "channel", "action")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    family_id: str
    client_id: str
    channel: str
    action: ChannelAction
    def __init__(self, user_id: _Optional[str] = ..., family_id: _Optional[str] = ..., client_id: _Optional[str] = ..., channel: _Optional[str] = ..., action: _Optional[_Union[ChannelAction, str]] = ...) -> None: ...

class AuthorizeResponse(_message.Message):
    __slots__ = ("grant", "denial", "disconnect")
    GRANT_FIELD_NUMBER: _ClassVar[int]
    DENIAL_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_FIELD_NUMBER: _ClassVar[int]
    grant: Grant
    denial: _connect_proxy_pb2.Error
    disconnect: _connect_proxy_pb2.Disconnect
    def __init__(self, grant: _Optional[_Union[Grant, _Mapping]] = ..., denial: _Optional[_Union[_connect_proxy_pb2.Error, _Mapping]] = ..., disconnect: _Optional[_Union[_connect_proxy_pb2.Disconnect, _Mapping]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("expire_at",)
    EXPIRE_AT_FIELD_NUMBER: _ClassVar[int]
    expire_at: int
    def __init__(self, expire_at: _Optional[int] = ...) -> None: ...
