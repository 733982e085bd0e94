"""Makes a fallback ticket usable only once in a fleet: its processes share a store of claims (docs/fleet.md)."""
