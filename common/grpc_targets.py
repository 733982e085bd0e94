"""The form of gRPC targets: https://github.com/grpc/grpc/blob/master/doc/naming.md"""

from typing import Final

NAME_SCHEMES: Final = ("unix", "unix-abstract", "xds")  # schemes of targets that are not host:port
