"""Makes named tuples quickly, for code that runs in every request.

The constructor of a NamedTuple is written in Python, and takes twice the time of `tuple.__new__`. In
`new_tuple(Class, values)`, `values` must have a value for every field, because defaults are not used.
"""

from typing import Final

new_tuple: Final = tuple.__new__
