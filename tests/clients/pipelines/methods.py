"""Prints all methods that the SDK documents."""

from shared import public

print("\n".join(f"{cls.__name__}.{name}" for cls, name, _ in public()))
