/**
 * Random walks: the server releases, revokes and brings new data, and whatever lies between changes any answer of any contact. A contact
 * that fails leaves the device as it was; one that ends well leaves what the server had released at some moment no earlier than before;
 * what is on the device was approved, byte for byte, at every moment.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../../../shared/hash.ts'
import type { Delivered } from '../../../shared/tasks/contact.ts'
import { checkFiles, manifestBytes } from '../../../shared/tasks/manifest.ts'
import { createDeliveryBench, type DeliveryBench, task } from '../../testing/deliveries.ts'
import { createWorld, FakeServer, html, problem } from '../../testing/world.ts'
import { getState } from '../storage/state.ts'

const weights = new TextEncoder().encode('weights')
const TASKS: readonly Delivered[] = await Promise.all([
  task('filter'),
  task('filter', 2, weights),
  task('rank'),
  task('rank', 2),
  task('rank', 3, weights),
])
const worlds = await Promise.all([1, 2, 3].map((version) => createWorld({ version, seed: 1 })))

/** What may happen to an answer on its way. */
const FAULTS = ['lost', 'cut', 'flipped', 'former', 'swapped', 'portal', 'ill', 'doubled'] as const
type Fault = (typeof FAULTS)[number]

type Step =
  | { readonly do: 'release'; readonly which: readonly number[] }
  | { readonly do: 'data'; readonly which: number }
  | { readonly do: 'along'; readonly brings: boolean }
  /** `faults[i]` happens to the i-th answer. */
  | { readonly do: 'contact'; readonly faults: readonly (Fault | null)[] }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.subarray([0, 1, 2, 3, 4]) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('data' as const), which: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('along' as const), brings: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('contact' as const),
        faults: fc.array(fc.option(fc.constantFrom(...FAULTS), { freq: 2 }), { maxLength: 5 }),
      }),
    },
  ),
  { minLength: 4, maxLength: 14 },
)

interface Sent {
  readonly path: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly status: number
  readonly headers: [string, string][]
}
const again = ({ bytes, status, headers }: Sent, changed = bytes): Response =>
  new Response(status === 304 ? null : changed, { status, headers })

/** The answer as it comes, of those that were given before. */
function spoil(fault: Fault, sent: Sent, before: readonly Sent[]): Response {
  const { path, bytes } = sent
  switch (fault) {
    case 'lost':
      throw new TypeError('fetch failed')
    case 'cut':
      return again(sent, bytes.slice(0, bytes.length >> 1))
    case 'flipped':
      return again(
        sent,
        bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)),
      )
    case 'doubled':
      return again(sent, Uint8Array.from([...bytes, ...bytes]))
    case 'former':
      return again(before.find((one) => one.path === path) ?? sent)
    case 'swapped':
      return again(before.findLast((one) => one.path !== path) ?? sent)
    case 'portal':
      return html()
    case 'ill':
      return problem(503, 'Unavailable')
  }
}

async function stored({ db }: DeliveryBench) {
  const rows = await db.delivered.toArray()
  return { trusted: await getState(db, 'trusted'), rows }
}

/** One task a name: the highest version of those that were drawn. */
const released = (which: readonly number[]) =>
  Object.values(Object.fromEntries(which.map((i) => [TASKS[i]!.manifest.name, TASKS[i]!])))

const namesOf = (tasks: readonly Delivered[]) =>
  tasks.map(({ manifest: { name, version } }) => `${name} v${version}`).sort()

test('whatever comes in whatever order, a device has what it had or what is released, whole', async () => {
  const seen = { kept: 0, changed: 0 }
  const walk = async (walked: readonly Step[]) => {
    const server = new FakeServer(worlds[0])
    const bench = createDeliveryBench(server)
    /** What was released, by the version of its snapshot. */
    const history = new Map<number, string[]>([[1, []]])
    let version = 1
    const before: Sent[] = []
    let faults: (Fault | null)[] = []
    server.after = async (_, path, response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      const headers = [...response.headers] as [string, string][]
      const sent = { path, bytes, headers, status: response.status }
      const fault = path === '/api/devices' ? null : faults.shift()
      before.push(sent)
      return fault ? spoil(fault, sent, before) : again(sent)
    }
    const check = async () => {
      const { trusted, rows } = await stored(bench)
      for (const { manifest, manifestSha256, script, model } of rows) {
        await checkFiles(manifest, { script, ...(model && { model }) })
        expect(await sha256(manifestBytes(manifest))).toBe(manifestSha256)
        const known = TASKS.find(
          (one) => one.manifest.name === manifest.name && one.manifest.version === manifest.version,
        )
        expect([manifest, script]).toEqual([known!.manifest, known!.files.script])
      }
      const now = trusted?.snapshot?.version
      expect(await bench.has()).toEqual(now === undefined ? [] : history.get(now))
      return now ?? 0
    }
    const contact = async () => {
      const [was, at] = [JSON.stringify(await stored(bench)), await check()]
      const failed = await bench.delivery.contact().then(
        () => undefined,
        (error) => error,
      )
      const is = JSON.stringify(await stored(bench))
      if (failed) expect(is).toBe(was)
      expect(await check()).toBeGreaterThanOrEqual(at)
      seen[is === was ? 'kept' : 'changed']++
      return failed
    }
    try {
      for (const step of walked) {
        if (step.do === 'release') {
          server.delivering.release(released(step.which))
          history.set(++version, namesOf(released(step.which)))
        }
        if (step.do === 'data') server.world = worlds[step.which]
        if (step.do === 'along') server.delivering.brings = step.brings
        if (step.do === 'contact') {
          faults = [...step.faults]
          await contact()
        }
      }
      faults = []
      server.world = worlds[2]
      expect(await contact()).toBeUndefined()
      expect((await stored(bench)).trusted?.snapshot?.version).toBe(version)
      expect(await bench.has()).toEqual(history.get(version))
    } finally {
      bench.close()
    }
  }
  await fc.assert(fc.asyncProperty(steps, walk), { numRuns: 30, seed: 8 })
  // Neither is rare.
  expect(Math.min(seen.kept, seen.changed)).toBeGreaterThan(25)
}, 120_000)
