"""python-schema-registry-client against the registry: client and message serializer.

REGISTRY_URL, REGISTRY_USER (key:secret) and the hex of a message that somebody else encoded come in; the hex of one encoded
here goes out.
"""

import os
import sys

import httpx
from schema_registry.client import SchemaRegistryClient, schema
from schema_registry.client.errors import ClientError
from schema_registry.serializers import AvroMessageSerializer

URL, FOREIGN = os.environ["REGISTRY_URL"], bytes.fromhex(sys.argv[1])
KEY, SECRET = os.environ["REGISTRY_USER"].split(":", 1)


def client(secret=SECRET):
    return SchemaRegistryClient(URL, auth=httpx.BasicAuth(KEY, secret))


def refused(status, call, *arguments):
    try:
        answer = call(*arguments)
    except ClientError as error:
        assert error.http_code == status, (error.http_code, error.message, error.server_traceback)
        return error
    raise AssertionError(f"{call.__name__}{arguments} answered {answer}")


def record(*fields):
    return schema.AvroSchema({"type": "record", "name": "Visit", "namespace": "com.example", "fields": list(fields)})


PAGE = {"name": "page", "type": "string"}
FIRST = record(PAGE)
SECOND = record(PAGE, {"name": "seconds", "type": "int", "default": 0})
BROKEN = record({"name": "page", "type": "long"})

messages = AvroMessageSerializer(client())
order = messages.decode_message(FOREIGN)
assert order == {"id": "o-1", "count": 3, "note": "from Rust"}, order

subject = "visits-value"
first = client().register(subject, FIRST)
assert client().register(subject, FIRST) == first
found = client().check_version(subject, FIRST)
assert (found.subject, found.version, found.schema_id) == (subject, 1, first), found
assert client().check_version(subject, SECOND) is None
assert client().get_by_id(first) == FIRST
assert client().get_by_id(999_999) is None
latest = client().get_schema(subject)
assert (latest.version, latest.schema_id) == (1, first), latest
assert client().get_schema(subject, version=9) is None
assert subject in client().get_subjects()
assert client().get_versions(subject) == [1]
assert [(each.subject, each.version) for each in client().get_schema_subject_versions(first)] == [(subject, 1)]

assert client().test_compatibility(subject, SECOND)
assert not client().test_compatibility(subject, BROKEN)
told = client().test_compatibility(subject, BROKEN, verbose=True)
assert told["is_compatible"] is False and told["messages"], told
refused(409, client().register, subject, BROKEN)
assert client().get_compatibility() == "BACKWARD"
assert client().update_compatibility("FULL", subject)
assert client().get_compatibility(subject) == "FULL"

message = messages.encode_record_with_schema(subject, SECOND, {"page": "/", "seconds": 4})
assert client().get_versions(subject) == [1, 2]
assert messages.decode_message(message) == {"page": "/", "seconds": 4}

JSON = schema.JsonSchema({"type": "object", "properties": {"a": {"type": "string"}}})
json_id = client().register("bodies-value", JSON, schema_type="JSON")
assert client().check_version("bodies-value", JSON, schema_type="JSON").schema_id == json_id

assert client().delete_version(subject, 1) == 1
assert client().get_versions(subject) == [2]
assert client().delete_subject("bodies-value") == [1]
assert client().delete_subject("nobody") == []
refused(401, client("wrong").register, subject, FIRST)
print(message.hex())
