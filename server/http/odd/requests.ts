/** Requests that fit, that nearly fit, and that no device would ever send. */
import fc from 'fast-check'
import { bodyOf } from './bodies.ts'

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

const visible = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,60}$/)

/** Headers that somebody here looks at, with values that somebody could send. */
const headers = (credentials: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  fc
    .record(
      {
        authorization: fc.oneof(
          { weight: 18, arbitrary: fc.constantFrom(...credentials).map((known) => `Bearer ${known}`) },
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
    const askers = ofOperator
      ? [...Array<string>(5).fill(operator), credentials[0]!]
      : [...credentials, operator]
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
      sent: bodyOf(route.body),
    })
    return asked.map(({ sent: { body, encoding }, headers, ...rest }) => ({
      route,
      ...rest,
      headers: { ...headers, ...(encoding !== undefined && { 'content-encoding': encoding }) },
      body,
    }))
  })
}
