from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubscriptionTier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBSCRIPTION_TIER_UNSPECIFIED: _ClassVar[SubscriptionTier]
    SUBSCRIPTION_TIER_FREE: _ClassVar[SubscriptionTier]
    SUBSCRIPTION_TIER_PRO: _ClassVar[SubscriptionTier]
    SUBSCRIPTION_TIER_FAMILY: _ClassVar[SubscriptionTier]
SUBSCRIPTION_TIER_UNSPECIFIED: SubscriptionTier
SUBSCRIPTION_TIER_FREE: SubscriptionTier
SUBSCRIPTION_TIER_PRO: SubscriptionTier
SUBSCRIPTION_TIER_FAMILY: SubscriptionTier

class ValidateRequest(_message.Message):
    __slots__ = ("ticket", "client_id", "transport", "protocol")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ticket: str
    client_id: str
    transport: str
    protocol: str
    def __init__(self, ticket: _Optional[str] = ..., client_id: _Optional[str] = ..., transport: _Optional[str] = ..., protocol: _Optional[str] = ...) -> None: ...

class RefreshRequest(_message.Message):
    __slots__ = ("user_id", "client_id", "family_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    client_id: str
    family_id: str
    def __init__(self, user_id: _Optional[str] = ..., client_id: _Optional[str] = ..., family_id: _Optional[str] = ...) -> None: ...

class ValidateResponse(_message.Message):
    __slots__ = ("success", "disconnect", "error")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    success: Success
    disconnect: Disconnect
    error: Error
    def __init__(self, success: _Optional[_Union[Success, _Mapping]] = ..., disconnect: _Optional[_Union[Disconnect, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Success(_message.Message):
    __slots__ = ("user_id", "family_id", "subscription_tier", "is_admin", "parental_state", "expire_at", "degraded")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_TIER_FIELD_NUMBER: _ClassVar[int]
    IS_ADMIN_FIELD_NUMBER: _ClassVar[int]
    PARENTAL_STATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_AT_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    family_id: str
    subscription_tier: SubscriptionTier
    is_admin: bool
    parental_state: ParentalState
    expire_at: int
    degraded: bool
    def __init__(self, user_id: _Optional[str] = ..., family_id: _Optional[str] = ..., subscription_tier: _Optional[_Union[SubscriptionTier, str]] = ..., is_admin: _Optional[bool] = ..., parental_state: _Optional[_Union[ParentalState, _Mapping]] = ..., expire_at: _Optional[int] = ..., degraded: _Optional[bool] = ...) -> None: ...

class Disconnect(_message.Message):
    __slots__ = ("code", "reason")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ParentalState(_message.Message):
    __slots__ = ("screen_time_lock", "feature_lock_chat", "feature_lock_diary", "feature_lock_flowcoach")
    SCREEN_TIME_LOCK_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LOCK_CHAT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LOCK_DIARY_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LOCK_FLOWCOACH_FIELD_NUMBER: _ClassVar[int]
    screen_time_lock: bool
    feature_lock_chat: bool
    feature_lock_diary: bool
    feature_lock_flowcoach: bool
    def __init__(self, screen_time_lock: _Optional[bool] = ..., feature_lock_chat: _Optional[bool] = ..., feature_lock_diary: _Optional[bool] = ..., feature_lock_flowcoach: _Optional[bool] = ...) -> None: ...
