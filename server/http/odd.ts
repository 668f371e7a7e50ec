/** For fuzz.test.ts: requests that fit, that nearly fit, and that no device would ever send. */
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'

/** The part of JSON Schema that describes bodies here. */
export interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  /** Into `components.schemas` of the same document. */
  readonly $ref?: string
}

export interface Route {
  readonly method: string
  /** As Hono has it: `/api/batches/:day/:n`. */
  readonly path: string
  /** Values that its JSON body may have, where it takes one. */
  readonly body?: fc.Arbitrary<unknown> | undefined
}

export interface Odd {
  readonly route: Route
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

/**
 * Values that fit a schema, as large as makes a small test. `parts` are schemas that it refers to; `known` has values for
 * members of objects, by their name, that are right in ways which no schema tells.
 */
export function valuesOf(
  schema: JsonSchema,
  parts: Readonly<Record<string, JsonSchema>> = {},
  known: Readonly<Record<string, readonly unknown[]>> = {},
): fc.Arbitrary<unknown> {
  const of = (part: JsonSchema) => valuesOf(part, parts, known)
  if (schema.$ref !== undefined) return of(parts[schema.$ref.split('/').at(-1)!]!)
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choice = schema.oneOf ?? schema.anyOf
  if (choice) return fc.oneof(...choice.map(of))
  const { minLength = 0, maxLength = 40, minItems = 0, maxItems = 20 } = schema
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(([key, member]) => {
        const right = known[key]
        const any = of(member)
        return [
          key,
          right ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...right) }, any) : any,
        ] as const
      })
      return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])] })
    }
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: minItems,
        maxLength: Math.max(minItems, Math.min(20, maxItems)),
      })
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(2e9, schema.maximum ?? 2e9) })
    case 'number':
      return fc.double({
        min: schema.minimum ?? -Number.MAX_VALUE,
        max: schema.maximum ?? Number.MAX_VALUE,
        noNaN: true,
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
      return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(60, maxLength)), unit: 'binary' })
    default:
      return fc.jsonValue()
  }
}

/** What stands where something else is due. */
const wrong = fc.oneof(
  fc.constantFrom<unknown>(null, -1, 0.5, 2 ** 53, 1e308, '', 'SECRET', '\ud800', [], {}, [[]], true),
  fc.string({ maxLength: 300 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** `value` with one of its parts, chosen by `steps`, replaced, left out or added. */
function spoiled(value: unknown, steps: readonly number[], by: unknown): unknown {
  const [step, ...rest] = steps
  if (step === undefined || typeof value !== 'object' || value === null) return by
  const keys = Object.keys(value)
  const key = keys[step % (keys.length + 1)]
  if (Array.isArray(value)) {
    if (key === undefined) return [...value, by]
    return value.map((part, i) => (`${i}` === key ? spoiled(part, rest, by) : part))
  }
  if (key === undefined) return JSON.parse(`{"__proto__":1,"extra":${JSON.stringify(by ?? null)}}`)
  if (step % 7 === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  return { ...value, [key]: spoiled((value as Record<string, unknown>)[key], rest, by) }
}

const utf8 = (text: string) => new Uint8Array(Buffer.from(text))
const json = (value: unknown) => utf8(JSON.stringify(value) ?? '')

const enormous = fc.constantFrom(
  utf8('x'.repeat(300_000)),
  utf8('['.repeat(200_000)),
  utf8(`{"events":[${'{},'.repeat(60_000)}{}]}`),
  new Uint8Array(deflateSync(Buffer.alloc(5 << 20))),
  new Uint8Array(gzipSync(Buffer.alloc(50 << 20))),
  new Uint8Array(gzipSync(gzipSync(Buffer.alloc(1 << 20)))),
)

interface Sent {
  readonly body: Uint8Array<ArrayBuffer> | undefined
  /** What is said of its encoding. */
  readonly encoding?: string
}

const packings: ((bytes: Uint8Array) => [bytes: Uint8Array, encoding?: string])[] = [
  (bytes) => [bytes],
  (bytes) => [bytes, 'identity'],
  (bytes) => [deflateSync(bytes), 'deflate'],
  (bytes) => [gzipSync(bytes), 'gzip'],
  (bytes) => [gzipSync(bytes), 'GZIP'],
  // From here on it is not true.
  (bytes) => [gzipSync(bytes).subarray(0, -5), 'gzip'],
  (bytes) => [deflateSync(gzipSync(bytes)), 'deflate'],
  (bytes) => [deflateSync(bytes), 'gzip'],
  (bytes) => [gzipSync(bytes)],
  ...['br', '', 'gzip, gzip', 'constructor', '__proto__', 'toString'].map(
    (encoding) => (bytes: Uint8Array) => [bytes, encoding] as [Uint8Array, string],
  ),
]

function bodyOf({ body: fitting = fc.jsonValue() }: Route): fc.Arbitrary<Sent> {
  const plain = fc.oneof(
    { weight: 9, arbitrary: fitting.map(json) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(fitting, fc.array(fc.nat(40), { maxLength: 4 }), wrong)
        .map(([value, steps, by]) => json(spoiled(value, steps, by))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '{', '\ufeff{}', '{"a":1}{', 'null', '"\\ud800"', 'NaN').map(utf8),
    },
    { weight: 1, arbitrary: enormous },
  )
  const packed = fc
    .tuple(
      plain,
      fc.oneof(...packings.map((pack, i) => ({ weight: i < 5 ? 6 : 1, arbitrary: fc.constant(pack) }))),
    )
    .map(([bytes, pack]): Sent => {
      const [body, encoding] = pack(bytes)
      return { body: new Uint8Array(body), ...(encoding !== undefined && { encoding }) }
    })
  return fc.oneof(
    { weight: 5, arbitrary: packed },
    { weight: 1, arbitrary: fc.constant({ body: undefined }) },
  )
}

const visible = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,60}$/)

/** Headers that somebody here looks at, with values that somebody could send. */
const headers = (credentials: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  fc
    .record(
      {
        authorization: fc.oneof(
          { weight: 9, arbitrary: fc.constantFrom(...credentials).map((known) => `Bearer ${known}`) },
          { weight: 1, arbitrary: fc.constantFrom(...credentials).map((known) => `bearer  ${known}x`) },
          { weight: 1, arbitrary: fc.constantFrom('Bearer', 'Basic Og==', 'Bearer a.b.c', 'Bearer .') },
          { weight: 1, arbitrary: visible.map((text) => `Bearer ${text}`) },
          { weight: 1, arbitrary: fc.constant(`Bearer ${'e'.repeat(9000)}`) },
        ),
        'content-type': fc.constantFrom('application/json', 'text/plain', 'multipart/form-data', '', 'x'),
        'if-none-match': fc.oneof(fc.constantFrom('*', '"', 'W/""', ',,,'), visible),
        accept: fc.constantFrom('text/html', '*/*', 'application/json;q=0', ','),
        'accept-encoding': fc.constantFrom('gzip', 'gzip;q=0', 'br', '*'),
        range: fc.constantFrom('bytes=0-1', 'bytes=5-1', 'bytes=-', 'bytes=0-99999999999999999999'),
        'x-forwarded-for': fc.constantFrom('1.2.3.4', '::1, 1.2.3.4', 'x'.repeat(2000)),
        origin: fc.constantFrom('null', 'https://elsewhere.example'),
        'x-odd': visible,
      },
      { requiredKeys: ['authorization'] },
    )
    .map((record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value.trim()])))

const segment = (known: readonly unknown[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...known).map(String) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('..', '%2e%2e', '%00', '%', '%ff', 'NaN', '-1', '1e99', '0x1', '', ' ', '١'),
    },
    { weight: 1, arbitrary: fc.nat(1e9).map(String) },
    { weight: 1, arbitrary: fc.webSegment() },
    { weight: 1, arbitrary: fc.constant('a'.repeat(5000)) },
  )

export interface Known {
  /** Credentials that are, or were once, a device's. */
  readonly credentials: readonly string[]
  /** The operator's. */
  readonly operator: string
  /** By the name of a variable in a path, or of a member of a body: what there is under it. */
  readonly values: Readonly<Record<string, readonly unknown[]>>
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND', 'get']

/** What may follow a path; mostly nothing. */
const tail = fc.oneof(
  { weight: 9, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: fc.constantFrom('/', '?', '?a=%', '?__proto__=1', '/../..') },
)

/** A request to one of `routes`, mostly by its own method and from who may ask for it. */
export function oddRequest(
  routes: readonly Route[],
  { credentials, operator, values }: Known,
): fc.Arbitrary<Odd> {
  return fc.constantFrom(...routes).chain((route) => {
    const ofOperator = route.path.startsWith('/api/admin')
    const askers = ofOperator ? [operator, operator, credentials[0]!] : [...credentials, operator]
    const parts = route.path.split('/').map((part) => {
      if (part === '*') return segment(['x'])
      return part.startsWith(':') ? segment(values[part.slice(1)] ?? [0]) : fc.constant(part)
    })
    const asked = fc.record({
      method: fc.oneof(
        { weight: 9, arbitrary: fc.constant(route.method) },
        { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
      ),
      path: fc.tuple(fc.tuple(...parts), tail).map(([names, tail]) => `${names.join('/') || '/'}${tail}`),
      headers: headers(askers),
      sent: bodyOf(route),
    })
    return asked.map(({ sent: { body, encoding }, headers, ...rest }) => ({
      route,
      ...rest,
      headers: { ...headers, ...(encoding !== undefined && { 'content-encoding': encoding }) },
      body,
    }))
  })
}

const LINES = [
  'Host: x',
  'Host: ',
  'Host: [::1]:1',
  'Host: a b',
  'Host: evil.example\r\nHost: other.example',
  'Content-Length: 5',
  'Content-Length: 5\r\nContent-Length: 6',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked, identity',
  'Content-Length: 5\r\nTransfer-Encoding: chunked',
  'Expect: 100-continue',
  'Expect: the-impossible',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings',
  'Connection: close',
  'Range: bytes=0-0',
  'Content-Encoding: constructor',
  'X: \x00',
  'X: \xff\xfe',
  ': nothing',
  'No colon here',
  ' folded: onto the line before',
  `X: ${'y'.repeat(20_000)}`,
  Array.from({ length: 3000 }, (_, i) => `X${i}: 1`).join('\r\n'),
]
const TARGETS = [
  '*',
  '//',
  'x',
  '',
  'http://elsewhere.example/api/task',
  '/api\\task',
  '/%',
  '/..%2f..%2f',
  `/${'a'.repeat(20_000)}`,
]
const BODIES = [
  '',
  '{"events":[]}',
  '5\r\nhello\r\n0\r\n\r\n',
  'fffffffff\r\n',
  '0\r\nTrailer: x\r\n\r\n',
  '\x00',
]

/** Bytes for a connection: requests out of parts that fit or do not, also several, cut short, or no requests at all. */
export function oddBytes(routes: readonly Route[], credential: string): fc.Arbitrary<Uint8Array> {
  const known = ['Host: localhost', `Authorization: Bearer ${credential}`]
  const request = fc
    .record({
      route: fc.constantFrom(...routes),
      method: fc.option(fc.constantFrom('TRACE', 'CONNECT', 'PRI', 'M-SEARCH', 'BREW', 'get', ''), {
        nil: undefined,
        freq: 5,
      }),
      target: fc.option(fc.constantFrom(...TARGETS), { nil: undefined, freq: 5 }),
      version: fc.oneof(
        { weight: 9, arbitrary: fc.constant('HTTP/1.1') },
        { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '') },
      ),
      lines: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 3, arbitrary: fc.shuffledSubarray(LINES, { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.shuffledSubarray(LINES, { minLength: 2, maxLength: 4 }) },
      ),
      body: fc.constantFrom(...BODIES),
    })
    .map(({ route, method = route.method, target = route.path, version, lines, body }) =>
      [`${method} ${target} ${version}`, ...known, ...lines, '', body].join('\r\n'),
    )
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(request, { minLength: 1, maxLength: 3 })
        .map((all) => Buffer.from(all.join(''), 'latin1')),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(request, fc.nat(400)).map(([text, at]) => Buffer.from(text.slice(0, at), 'latin1')),
    },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 200 }) },
  )
}
