"""For httpx clients of addresses without TLS. By default httpx reads the machine's certificates for each client.

That takes 24 ms of CPU, more than most tests.
"""

import ssl
from typing import Final

NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
