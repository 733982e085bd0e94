"""Makes named tuples on the path of every request.

The constructor of a NamedTuple is written in Python, and takes twice the time of `tuple.__new__`. In
`new_tuple(Class, values)`, `values` needs a value for every field, because no defaults are set.
"""

from typing import Final

new_tuple: Final = tuple.__new__
