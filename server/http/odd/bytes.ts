/** What may come over a connection that is no request, or hardly one. */
import fc from 'fast-check'
import type { Route } from './requests.ts'

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
