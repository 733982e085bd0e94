"""Makes a fallback ticket usable once in a fleet, by claims in a store that its processes share (docs/fleet.md)."""
