// @kafkajs/confluent-schema-registry against the registry.
//
// REGISTRY_URL, REGISTRY_USER (key:secret) and the hex of a message that somebody else encoded come in; the hex of one encoded
// here goes out. It is found through NODE_PATH, so that nothing is installed into the tree.
'use strict'
const assert = require('node:assert/strict')
const { SchemaRegistry, SchemaType, COMPATIBILITY } = require('@kafkajs/confluent-schema-registry')

const [username, password] = process.env.REGISTRY_USER.split(':')
const client = (secret = password) =>
  new SchemaRegistry({ host: process.env.REGISTRY_URL, auth: { username, password: secret }, retry: { retries: 0 } })
const record = (...fields) => ({ type: 'record', name: 'Click', namespace: 'com.example', fields })
const avro = schema => ({ type: SchemaType.AVRO, schema: JSON.stringify(schema) })
const refused = async (status, call) => {
  await assert.rejects(call, error => {
    assert.equal(error.status, status, `${error.name}: ${error.message}`)
    return true
  })
}

const X = { name: 'x', type: 'int' }
const FIRST = record(X)
const SECOND = record(X, { name: 'button', type: 'string', default: 'left' })
const BROKEN = record({ name: 'x', type: 'string' })

const main = async () => {
  const registry = client()
  const order = await registry.decode(Buffer.from(process.argv[2], 'hex'))
  assert.deepEqual({ ...order }, { id: 'o-1', count: 3, note: 'from Rust' })

  // Subjects: by the schema's name, and by a name with slashes. The client sets the level of a subject it makes.
  const { id: named } = await registry.register(avro(FIRST))
  assert.equal(await client().getLatestSchemaId('com.example.Click'), named)
  const subject = 'web/clicks eu-value'
  const { id } = await registry.register(avro(FIRST), { subject })
  assert.equal(id, named)
  assert.equal((await client().register(avro(FIRST), { subject })).id, id)
  assert.equal(await client().getRegistryId(subject, 1), id)
  assert.equal(await client().getRegistryIdBySchema(subject, avro(FIRST)), id)
  assert.equal((await client().getSchema(id)).name, 'com.example.Click')
  await assert.rejects(() => client().getRegistryIdBySchema(subject, avro(SECOND)), { name: 'ConfluentSchemaRegistryError' })
  await refused(404, () => client().getSchema(999999))
  await assert.rejects(() => client().register(avro(FIRST), { subject, compatibility: COMPATIBILITY.FULL }),
    { name: 'ConfluentSchemaRegistryCompatibilityError' })

  await refused(409, () => client().register(avro(BROKEN), { subject }))
  const { id: second } = await registry.register(avro(SECOND), { subject })
  assert.notEqual(second, id)

  // An older message read with a newer schema.
  const old = await registry.encode(id, { x: 7 })
  assert.deepEqual({ ...(await registry.decode(old, { [SchemaType.AVRO]: { readerSchema: SECOND } })) }, { x: 7, button: 'left' })
  await assert.rejects(() => registry.encode(id, { x: 'seven' }), { name: 'ConfluentSchemaRegistryValidationError' })

  // References, of Avro and of Protobuf; JSON Schema.
  await registry.register(avro({ type: 'record', name: 'Point', namespace: 'com.example', fields: [X] }), { subject: 'point' })
  const line = { type: 'record', name: 'Line', namespace: 'com.example', fields: [{ name: 'from', type: 'com.example.Point' }] }
  const { id: lines } = await registry.register(
    { ...avro(line), references: [{ name: 'com.example.Point', subject: 'point', version: 1 }] }, { subject: 'lines' })
  const drawn = await client().decode(await client().encode(lines, { from: { x: 1 } }))
  assert.equal(drawn.from.x, 1)

  const money = { type: SchemaType.PROTOBUF, schema: 'syntax = "proto3";\npackage shop;\nmessage Money { int64 units = 1; }' }
  await registry.register(money, { subject: 'money' })
  const price = { type: SchemaType.PROTOBUF,
    schema: 'syntax = "proto3";\npackage shop;\nimport "money.proto";\nmessage Price { Money amount = 1; string note = 2; }',
    references: [{ name: 'money.proto', subject: 'money', version: 1 }] }
  const { id: prices } = await registry.register(price, { subject: 'prices' })
  const paid = await client().decode(await client().encode(prices, { amount: { units: 3 }, note: 'n' }))
  assert.equal(paid.note, 'n')
  await refused(409, () => client().register({ ...price, schema: price.schema.replace('string note', 'int32 note') }, { subject: 'prices' }))

  const body = { type: SchemaType.JSON, schema: JSON.stringify({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false }) }
  const { id: bodies } = await registry.register(body, { subject: 'bodies' })
  assert.deepEqual(await client().decode(await client().encode(bodies, { a: 'b' })), { a: 'b' })

  await refused(401, () => client('wrong').getLatestSchemaId(subject))

  const message = await registry.encode(second, { x: 9, button: 'from Node' })
  process.stdout.write(message.toString('hex') + '\n')
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
