"""The descriptor set of messages.proto, and the classes of its messages."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

HERE = Path(__file__).parent
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


@cache
def descriptor_set(proto: Path = HERE / "messages.proto") -> bytes:
    """The descriptor set that protoc writes for this file and its imports."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "out.binpb")
        places = (f"-I{proto.parent}", f"-I{WELL_KNOWN}")
        assert protoc.main(["protoc", *places, "--include_imports", f"--descriptor_set_out={out}", str(proto)]) == 0
        return out.read_bytes()


@cache
def message_class(name: str) -> Any:
    """The class of a message of messages.proto, such as "Event"."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(descriptor_set()).file:
        pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"test.v1.{name}"))
