/** What is sent to a route: what it asks for, and what nobody should have to read. */
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'

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

export interface Sent {
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

/** A body that fits, or nearly does, or is nothing of the kind; as it is or compressed, which may be told rightly or not. */
export function bodyOf(fitting: fc.Arbitrary<unknown> = fc.jsonValue()): fc.Arbitrary<Sent> {
  const plain = fc.oneof(
    { weight: 18, arbitrary: fitting.map(json) },
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
