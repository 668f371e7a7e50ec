/** The page's part is played here; what a browser's trainer does is tried by the browsers' own tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Browser, openBrowser } from './browser.ts'
import { pack, unpack } from './crossing.ts'

let dist: string
let browser: Browser
beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'kindred-task-run-'))
  mkdirSync(join(dist, 'assets'))
  writeFileSync(join(dist, 'assets', 'trainer-abc.js'), '// a trainer')
})
afterAll(() => rmSync(dist, { recursive: true }))
beforeEach(async () => {
  browser = await openBrowser(dist)
})
afterEach(() => browser.close())

type Run = ReturnType<Browser['spawn']>['trainer']['run']
const JOB = {
  task: { name: 'a' },
  samples: {
    candidates: { ids: ['x'], scores: Float32Array.of(0.5, Number.NaN), batch: { ids: Int32Array.of(7) } },
  },
  script: { bytes: Uint8Array.of(1, 255) },
} as unknown as Parameters<Run>[0]
const RESULT = { effects: { ranked: Float32Array.of(0.25) }, engine: 'plain' } as unknown as Awaited<
  ReturnType<Run>
>

const post = (path: string, body?: unknown) =>
  fetch(new URL(path, browser.url), { method: 'POST', ...(body !== undefined && { body: pack(body) }) })

test('what is to be run crosses as it is, and what comes of it; then the page shows what is told', async () => {
  const { trainer, spent } = browser.spawn()
  const running = trainer.run(JOB)
  expect(unpack(await (await post('/job')).text())).toEqual(JOB)
  const done = post('/done', { result: RESULT, ms: 12 })
  expect(await running).toEqual(RESULT)
  expect(await spent.ms).toBe(12)
  browser.show(['one', 'two'])
  expect(await (await done).text()).toBe('one\ntwo\n')
})

test('a run that failed there fails here, by the same words', async () => {
  const running = browser.spawn().trainer.run(JOB)
  const failed = expect(running).rejects.toMatchObject({ code: 'refused', message: 'No.' })
  await post('/job')
  const done = post('/done', { failure: { code: 'refused', message: 'No.' } })
  await failed
  browser.show([])
  await done
})

test('the trainer comes with the policy that it has in the app, the page with one that lets it start that', async () => {
  const policy = async (path: string) =>
    (await fetch(new URL(path, browser.url))).headers.get('content-security-policy')
  expect(await policy('/trainer.js')).toMatch(/default-src 'none'.*connect-src 'none'/)
  expect(await policy('/')).toMatch(/worker-src 'self'/)
  expect((await fetch(new URL('/page.js', browser.url))).headers.get('content-type')).toMatch(
    'text/javascript',
  )
})
