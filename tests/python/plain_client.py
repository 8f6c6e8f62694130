"""A plain NATS client: JSON commands, JSON rows, outcomes from `out.`, rows over HTTP. Knows no Alluvium library."""

import asyncio
import json
import sys
import urllib.request
import uuid

import nats

NATS, HTTP, KEY = sys.argv[1:4]


async def command(js, name, body):
    """Publishes a command and waits for the outcome on its own subject."""
    command_id = str(uuid.uuid4())
    inbox = await js._nc.subscribe(f"out.default.{command_id}")
    ack = await js.publish(f"cmd.default.storage.{name}", json.dumps(body).encode(), headers={"Nats-Msg-Id": command_id})
    assert ack.stream == "CMD", ack
    message = await inbox.next_msg(timeout=30)
    outcome = json.loads(message.data)
    assert outcome["command_id"] == command_id, outcome
    assert outcome["status"] == "accepted", outcome
    stored = await js.get_last_msg("OUT", f"out.default.{command_id}")
    assert json.loads(stored.data) == outcome, "the stored outcome is the one that was told"
    return outcome


def read(path, position):
    request = urllib.request.Request(
        HTTP + path, headers={"Authorization": f"Bearer {KEY}", "Alv-Min-Position": position}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


async def main():
    connection = await nats.connect(NATS)
    js = connection.jetstream()
    await command(js, "CreateProject", {"project": "plain"})
    await command(js, "CreateBucket", {"project": "plain", "bucket": "b"})
    columns = [{"name": "id", "type": "BIGINT"}, {"name": "city", "type": "VARCHAR"}]
    outcome = await command(js, "CreateTable", {"project": "plain", "bucket": "b", "table": "t", "columns": columns})
    rows = [{"id": 1, "city": "Brno"}, {"id": 2, "city": "Plzeň"}, {"id": 9007199254740993, "city": None}]
    last = None
    for row in rows:
        last = await js.publish("rows.default.plain.b.t", json.dumps(row).encode())
    # A table shows what it holds: wait by asking until the three are there.
    for _ in range(200):
        preview = read("/projects/plain/branches/default/buckets/b/tables/t/preview", outcome["position"])
        if preview["total_row_count"] == len(rows):
            break
        await asyncio.sleep(0.05)
    assert preview["rows"] == rows, preview
    print(f"{len(rows)} rows over NATS, {preview['total_row_count']} rows over HTTP")
    await connection.close()


asyncio.run(main())
