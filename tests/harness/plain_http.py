"""An empty TLS context, for httpx clients that use no TLS.

With the default context, each client reads certifi's certificates, which takes tens of milliseconds of CPU.
"""

import ssl
from typing import Final

NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
