"""confluent-kafka against the registry: its client, and its Avro and JSON serializers.

REGISTRY_URL, REGISTRY_USER (key:secret) and the hex of a message that somebody else encoded come in; the hex of one encoded
here goes out. fastavro decodes what the serializer wrote, so that two implementations agree on the bytes.
"""

import base64
import io
import json
import os
import sys

import fastavro
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, Schema, SchemaReference, SchemaRegistryClient, ServerConfig
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

URL, USER, FOREIGN = os.environ["REGISTRY_URL"], os.environ["REGISTRY_USER"], bytes.fromhex(sys.argv[1])


def client(user=USER):
    return SchemaRegistryClient({"url": URL, "basic.auth.user.info": user})


def refused(status, code, call, *arguments, **named):
    try:
        answer = call(*arguments, **named)
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (status, code), error
        return str(error)
    raise AssertionError(f"{call.__name__}{arguments} answered {answer}")


def record(*fields, name="Payment"):
    return json.dumps({"type": "record", "name": name, "namespace": "com.example", "fields": list(fields)})


ID = {"name": "id", "type": "string"}
AMOUNT = {"name": "amount", "type": "double"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}
FIRST, SECOND = Schema(record(ID, AMOUNT), "AVRO"), Schema(record(ID, AMOUNT, NOTE), "AVRO")
BROKEN = Schema(record(ID, {"name": "amount", "type": "string"}), "AVRO")

registry = client()

# Somebody else's message, decoded with the schema its id names.
order = AvroDeserializer(registry)(FOREIGN, SerializationContext("orders", MessageField.VALUE))
assert order == {"id": "o-1", "count": 3, "note": "from Rust"}, order

# Register, look up, read back; a subject with slashes and a blank.
for subject in ["payments-value", "shop/payments eu-value"]:
    first = registry.register_schema(subject, FIRST)
    assert client().register_schema(subject, FIRST) == first
    found = client().lookup_schema(subject, FIRST)
    assert (found.subject, found.version, found.schema_id) == (subject, 1, first), found
    assert json.loads(client().get_schema(first).schema_str) == json.loads(FIRST.schema_str)
    assert subject in client().get_subjects()
    assert client().get_versions(subject) == [1]
    refused(404, 40403, client().lookup_schema, subject, SECOND)
    refused(404, 40402, client().get_version, subject, 7)
    assert subject in client().get_subjects_by_schema_id(first)
    assert (subject, 1) in [(each.subject, each.version) for each in client().get_schema_versions(first)]
refused(404, 40401, client().get_latest_version, "nobody")
refused(404, 40403, client().get_schema, 999_999)
assert set(client().get_schema_types()) == {"AVRO", "JSON", "PROTOBUF"}
assert client().get_contexts() == ["."]

# Compatibility: by question, by registering, and with the level changed.
subject = "shop/payments eu-value"
assert client().test_compatibility(subject, SECOND)
assert not client().test_compatibility(subject, BROKEN)
assert not client().test_compatibility_all_versions(subject, BROKEN, verbose=True)
told = refused(409, 409, client().register_schema, subject, BROKEN)
assert "incompatible with an earlier schema" in told, told
assert client().get_compatibility() == "BACKWARD"
refused(404, 40408, client().get_compatibility, subject)
client().set_compatibility(subject, "NONE")
assert client().get_compatibility(subject) == "NONE"
second = client().register_schema(subject, BROKEN)
assert client().get_latest_version(subject).version == 2
client().set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.FULL_TRANSITIVE))
assert client().get_config(subject).compatibility_level == "FULL_TRANSITIVE"
refused(422, 42203, client().set_compatibility, subject, "SIDEWAYS")
client().delete_config(subject)
refused(404, 40408, client().get_config, subject)
refused(422, 42201, client().register_schema, subject, Schema('{"type":"nonsense"}', "AVRO"))

# References.
client().register_schema("money-value", Schema(record({"name": "units", "type": "long"}, name="Money"), "AVRO"))
price = Schema(
    record(ID, {"name": "price", "type": "com.example.Money"}, name="Price"),
    "AVRO",
    [SchemaReference("com.example.Money", "money-value", 1)],
)
price_id = client().register_schema("prices-value", price)
assert client().get_schema(price_id).references == price.references
assert client().get_referenced_by("money-value", 1) == [price_id]
refused(422, 42206, client().delete_version, "money-value", 1)
encode = AvroSerializer(registry, price, conf={"auto.register.schemas": False})
context = SerializationContext("prices", MessageField.VALUE)
value = {"id": "p", "price": {"units": 5}}
assert AvroDeserializer(registry)(encode(value, context), context) == value

# Modes.
assert client().get_global_mode() == "READWRITE"
client().update_mode("prices-value", "READONLY")
assert client().get_mode("prices-value") == "READONLY"
refused(422, 42205, client().register_schema, "prices-value", FIRST)
assert client().register_schema("prices-value", price) == price_id
client().delete_mode("prices-value")

# Deleting, softly and for good.
assert client().delete_version(subject, 2) == 2
assert client().get_versions(subject) == [1]
assert client().get_versions(subject, deleted=True) == [1, 2]
assert json.loads(client().get_schema(second).schema_str) == json.loads(BROKEN.schema_str)
assert client().delete_subject(subject) == [1]
assert subject not in client().get_subjects()
assert subject in client().get_subjects(deleted=True)
assert client().delete_subject(subject, permanent=True) == [1, 2]
refused(404, 40401, client().get_versions, subject)

# JSON Schema with its own serializer.
text = json.dumps({"title": "Ping", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
pings = SerializationContext("pings", MessageField.VALUE)
ping = JSONSerializer(text, registry)({"n": 1}, pings)
assert JSONDeserializer(text, schema_registry_client=registry)(ping, pings) == {"n": 1}
assert client().get_latest_version("pings-value").schema.schema_type == "JSON"
try:
    JSONSerializer(text, registry)({"n": "one"}, pings)
    raise AssertionError("a message that its schema forbids was written")
except SerializationError:
    pass

# Protobuf as the Protobuf serializer sends it: a descriptor in base64, answered as text, and encoded when asked for.
DESCRIPTOR = bytes.fromhex("0a07702e70726f746f2211" "0a0450696e67" "1209" "0a016e" "1801" "2001" "2805" "620670726f746f33")
proto = Schema(base64.b64encode(DESCRIPTOR).decode(), "PROTOBUF")
proto_id = client().register_schema("pongs-value", proto)
text = client().get_schema(proto_id).schema_str
assert "int32 n = 1;" in text, text
assert client().register_schema("pongs-value", Schema(text, "PROTOBUF")) == proto_id
assert b"Ping" in base64.b64decode(client().get_schema(proto_id, fmt="serialized").schema_str)
assert client().test_compatibility("pongs-value", Schema(text.replace("int32 n", "int64 n"), "PROTOBUF"))
assert not client().test_compatibility("pongs-value", Schema(text.replace("int32 n", "string n"), "PROTOBUF"))

# Who is not known may not in, and is told so by status.
refused(401, 401, client("nobody:nothing").get_subjects)
refused(401, 401, client("nobody:nothing").register_schema, "x", FIRST)

# A message for the other side, written with a newer schema than it reads with.
context = SerializationContext("payments", MessageField.VALUE)
payment = {"id": "p-1", "amount": 2.5, "note": "from Python"}
message = AvroSerializer(registry, SECOND.schema_str)(payment, context)
writer = fastavro.parse_schema(json.loads(SECOND.schema_str))
assert fastavro.schemaless_reader(io.BytesIO(message[5:]), writer, None) == payment
print(message.hex())
