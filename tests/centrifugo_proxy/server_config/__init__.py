"""Tests of the linter and the generator of Centrifugo's configuration."""

import pytest

# pytest rewrites the assertions of cases.py too, so that a failure shows both sides.
pytest.register_assert_rewrite("tests.centrifugo_proxy.server_config.cases")
