"""Returns the pool that this process loaded at startup."""

from django.apps import apps

from fallback.tickets import LoadedPool


def loaded_pool() -> LoadedPool:
    """The process's only pool; the `fallback` app loads it in `ready`."""
    loaded: LoadedPool = apps.get_app_config("fallback").loaded  # type: ignore[attr-defined]  # FallbackConfig sets it
    return loaded
