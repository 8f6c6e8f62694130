"""What `alluvium schema generate --lang python` wrote into the directory of the first argument: imported, filled, encoded and
decoded by fastavro, and read back as what it was.
"""

import datetime
import decimal
import io
import json
import sys
import uuid

import fastavro
from pydantic import ValidationError

sys.path.insert(0, sys.argv[1])
from messages import ComExampleOrder as Order, Kind, Line, OtherOrder, Record

schema = fastavro.parse_schema(json.loads(Order.AVRO_SCHEMA))
assert Order.TOPIC == "orders"

required = {"id": uuid.UUID(int=7), "class": "c", "uuid": None, "uuid2": b"0123456789abcdef", "self": 1, "Field": 2, "Any": 3, "enum": 4,
            "type": 5, "any": 6}
order = Order(
    **required, BaseModel=4, datetime2=datetime.datetime.now(datetime.timezone.utc), decimal=decimal.Decimal("12.34"),
    Kind=Kind.A, constructor=5, ns=OtherOrder(), __proto__=6,
)
# Defaults are of the types that are promised.
assert order.datetime_ == datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc), order.datetime_
assert order.local == datetime.datetime(1969, 12, 31, 23, 59, 59, 999000), order.local
assert order.date == datetime.date(1970, 1, 2), order.date
assert order.time == datetime.time(0, 0, 1), order.time
assert order.dec2 == decimal.Decimal("-0.01"), order.dec2
assert order.known == uuid.UUID("00000000-0000-0000-0000-000000000001"), order.known
assert order.e is Kind("None") and order.kinds == [Kind.A] and order.bytes_ == b"\xff\x00"
assert order.line == Line(n=3) and order.lines == {"x": Line(n=1)} and order.maybe == [Line(n=4)]
assert order.records == {"r": Record(when=datetime.date(1970, 1, 1))}
order.list_.append("more")
assert Order.model_fields["list_"].get_default(call_default_factory=True) == ["a"]

out = io.BytesIO()
fastavro.schemaless_writer(out, schema, order.model_dump(by_alias=True))
read = fastavro.schemaless_reader(io.BytesIO(out.getvalue()), schema, None)
back = Order.model_validate(read)
# Avro has no microseconds beyond its own unit, and neither has Python.
assert back == order, (back, order)
try:
    Order.model_validate({**read, "constructor": "x"})
    raise AssertionError("a text was taken for a number")
except ValidationError:
    pass
