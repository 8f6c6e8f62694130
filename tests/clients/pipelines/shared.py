"""What the flows share: saying what is otherwise than expected, and noting which methods of the SDK were called."""

import functools
import sys

from feldera import FelderaClient, Pipeline, PipelineBuilder
from feldera.output_handler import OutputHandler
from feldera.rest.errors import FelderaAPIError

DOCUMENTED = [Pipeline, PipelineBuilder, FelderaClient, OutputHandler]
CALLED = set()


def same(what, found, expected):
    """Ends with 1 when something is otherwise."""
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def true(what, holds):
    same(what, bool(holds), True)


def refused(what, code, call):
    """Calls what must be refused with a code."""
    try:
        call()
    except FelderaAPIError as error:
        same(what, error.error_code, code)
    else:
        sys.exit(f"{what}: expected {code}, and it was done")


def counted(rows):
    """Changes added up: how often each row is there."""
    counts = {}
    for row in rows:
        row = dict(row)
        sign = row.pop("insert_delete")
        key = tuple(sorted(row.items()))
        counts[key] = counts.get(key, 0) + sign
    return sorted(key for key, count in counts.items() if count)


def public():
    """All methods that the SDK documents, as `Class.method`."""
    return [
        (cls, name, member)
        for cls in DOCUMENTED
        for name, member in vars(cls).items()
        if not name.startswith("_") and (callable(member) or isinstance(member, (staticmethod, property)))
    ]


def noted(cls, name, member):
    key = f"{cls.__name__}.{name}"

    def note(function):
        @functools.wraps(function)
        def called(*args, **kwargs):
            CALLED.add(key)
            return function(*args, **kwargs)

        return called

    if isinstance(member, property):
        return property(note(member.fget))
    if isinstance(member, staticmethod):
        return staticmethod(note(member.__func__))
    return note(member)


def run(main):
    """Runs a flow, which is called with the client, and writes the methods that it called into the file that is named last."""
    url, key, to = sys.argv[1:4]
    for cls, name, member in public():
        setattr(cls, name, noted(cls, name, member))
    main(FelderaClient(url, api_key=key))
    with open(to, "w", encoding="utf-8") as file:
        file.write("\n".join(sorted(CALLED)))
    print("as expected")
