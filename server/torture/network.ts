/** The way between a tab and the server: it is slow, loses, repeats, damages, and at times is not there at all. */
import { deflateRawSync } from 'node:zlib'
import type { Random } from '../../shared/random.ts'
import type { Request as Asked, Platform } from '../../worker/platform.ts'
import type { Fault, Faults } from './faults.ts'
import type { Owner, Schedule } from './schedule.ts'
import type { SimServer } from './server.ts'

/** What lies between a browser and the server now. */
export interface Link {
  state: 'up' | 'down' | 'portal'
}

interface NetworkDeps {
  readonly schedule: Schedule
  readonly faults: Faults
  readonly server: SimServer
  /** Hears of each artifact that reached the tab as it was sent. */
  readonly onArtifact: (sha256: string) => void
}

/** Longest way, ms: longer than the device's patience. */
const LONG_MS = 90_000

export function createFetch(
  { schedule, faults, server, onArtifact }: NetworkDeps,
  link: Link,
  tab: Owner,
): Platform['fetch'] {
  const { random } = schedule
  const latency = () => (faults.strikes('delayed', 0.2) ? random.below(LONG_MS) : 5 + random.below(200))
  const unreachable = () => new TypeError('fetch failed')

  return (path, asked) =>
    new Promise((resolve, reject) => {
      const { signal } = asked
      if (tab.state === 'dead') return
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      const fail = (ms: number) =>
        schedule.at(ms, tab, `${asked.method ?? 'GET'} ${path} fails`, () => reject(unreachable()))
      const answer = (response: Response) =>
        schedule.at(latency(), tab, `${asked.method ?? 'GET'} ${path} → ${response.status}`, () =>
          resolve(response),
        )

      schedule.trace(`asks ${asked.method ?? 'GET'} ${path}`)
      if (link.state === 'down') return fail(random.below(50))
      if (link.state === 'portal') return answer(portal())
      if (faults.strikes('request-lost', 0.2)) return fail(random.below(LONG_MS))
      const instead = refusal(faults, random)
      if (instead) return answer(instead)
      if (faults.strikes('crash-before', 0.1)) return fail(latency())
      if (faults.strikes('duplicated', 0.2))
        schedule.at(random.below(LONG_MS), undefined, `${path} arrives once more`, () =>
          server.handle(requestOf(path, asked)),
        )

      schedule.at(latency(), undefined, '', async () => {
        if (faults.strikes('registrations-lost', 0.02)) {
          schedule.trace('the server loses everything')
          server.loseEverything()
        }
        if (faults.strikes('release', 0.05)) server.release()
        const response = await server.handle(requestOf(path, asked))
        const bytes = new Uint8Array(await response.arrayBuffer())
        // A link that broke meanwhile, or a server that died, has processed the request all the same.
        const lost = faults.strikes('crash-after', 0.1) || faults.strikes('answer-lost', 0.2)
        if (lost || link.state === 'down') return fail(random.below(LONG_MS))
        const sent = damaged(path, bytes, response.status, { faults, random })
        const [, sha256] = /^\/artifacts\/(\w+)$/.exec(path) ?? []
        if (sha256 && sent === bytes && response.status === 200) onArtifact(sha256)
        // As node:http does: of what the device knows of the time, this is what its own clock cannot spoil.
        response.headers.set('date', new Date(schedule.now()).toUTCString())
        answer(inPieces(sent, response, { schedule, tab }))
      })
    })
}

function requestOf(path: string, { method = 'GET', headers = {}, body }: Asked): Request {
  return new Request(new URL(path, 'http://server'), { method, headers, ...(body !== undefined && { body }) })
}

function refusal(faults: Faults, random: Random): Response | undefined {
  if (faults.strikes('error-500', 0.1)) return problem(500)
  if (faults.strikes('too-many-requests', 0.05))
    return problem(429, { 'retry-after': `${1 + random.below(1200)}` })
  return undefined
}

const problem = (status: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ type: 'about:blank', title: 'No', status }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })

const portal = () =>
  new Response('<html>Accept our terms</html>', { headers: { 'content-type': 'text/html' } })

/** What inflates to far more than any batch holds. */
const bomb = new Uint8Array(deflateRawSync(Buffer.alloc(4 << 20)))

function damaged(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  status: number,
  { faults, random }: { faults: Faults; random: Random },
): Uint8Array<ArrayBuffer> {
  if (status >= 300 || bytes.length === 0) return bytes
  const strikes = (fault: Fault, chance: number) => faults.strikes(fault, chance)
  if (strikes('body-cut', 0.1)) return bytes.slice(0, random.below(bytes.length))
  if (/^\/(artifacts|api\/batches\/)/.test(path) && strikes('bit-flipped', 0.2)) {
    const flipped = bytes.slice()
    flipped[random.below(flipped.length)]! ^= 1 << random.below(8)
    return flipped
  }
  if (path.startsWith('/api/batches/') && strikes('forged-batch', 0.2))
    return random.below(2) === 0
      ? bomb
      : new Uint8Array(deflateRawSync(Buffer.from('KB\x01\x06demo@1\x02\xff\xff')))
  return bytes
}

/** The answer, whose body comes in pieces: between any two of them the tab may die. */
function inPieces(
  bytes: Uint8Array<ArrayBuffer>,
  { status, headers }: Response,
  { schedule, tab }: { schedule: Schedule; tab: Owner },
): Response {
  if (bytes.length === 0) return new Response(null, { status, headers })
  const size = Math.ceil(bytes.length / 2)
  let at = 0
  let cancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise((resolve) => {
          schedule.at(schedule.random.below(30), tab, '', () => {
            if (cancelled) return
            controller.enqueue(bytes.slice(at, at + size))
            at += size
            if (at >= bytes.length) controller.close()
            resolve()
          })
        }),
      cancel() {
        cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status, headers })
}
