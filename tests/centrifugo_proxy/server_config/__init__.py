"""Tests of the linter and the generator of Centrifugo's configuration."""

import pytest

# Its assertions show both sides, as those of a test file do.
pytest.register_assert_rewrite("tests.centrifugo_proxy.server_config.cases")
