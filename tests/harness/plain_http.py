"""For httpx clients of addresses without TLS. By default each client reads certifi's certificates.

That takes 24 ms of CPU, more than most tests.
"""

import ssl
from typing import Final

NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
