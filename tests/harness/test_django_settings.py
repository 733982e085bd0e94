from contextlib import ExitStack

from django.conf import settings as django_settings

from tests.harness.django_settings import Settings


def test_a_changed_setting_gets_its_former_value_back_after_the_test() -> None:
    former = django_settings.LISTEN_PORT
    with ExitStack() as test:
        Settings(test).LISTEN_PORT = former + 1
        changed = django_settings.LISTEN_PORT

    assert changed == former + 1
    assert former == django_settings.LISTEN_PORT
