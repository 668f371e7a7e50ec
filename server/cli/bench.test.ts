import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const bin = resolve(import.meta.dirname, '../bin.js')
/** As figures are told. */
const rounded = (value: number) => Number(value.toPrecision(4))
const kindred = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args])

describe('kindred bench', () => {
  it('prints each figure of the engine next to its rivals, one JSON object a line', async () => {
    const { stdout } = await kindred('bench', 'engine', '--quick', '--json', '--where', 'node')
    const metrics = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(metrics.map(({ metric }) => metric)).toEqual([
      'engine.step.vs_tfjs_wasm',
      'engine.step.paper_shape.vs_tfjs_wasm',
      'engine.step.vs_layers_fit',
      'engine.peak_fraction',
      'engine.bundle_kb',
    ])
    const [vsExpert, vsExpertPaper, vsFit, peak, bundle] = metrics
    for (const metric of [vsExpert, vsExpertPaper, vsFit]) {
      expect(metric).toMatchObject({
        unit: 'x',
        target: expect.stringMatching(/^>=/),
        rival: expect.any(String),
      })
      expect(metric.value, `${metric.metric} ${metric.detail.why ?? ''}`).toBeGreaterThan(1)
      const { msAStep, rivalTimed } = metric.detail
      expect(metric.value).toBe(rounded(msAStep[rivalTimed] / msAStep['fused-wasm']))
    }
    const { multiplyAddsPerNs, peakMultiplyAddsPerNs, ofFastestTurns } = peak.detail
    expect(peak.value).toBeCloseTo(multiplyAddsPerNs / peakMultiplyAddsPerNs, 2)
    // What else runs here can take half of the peak’s turn, and none of the step’s: of the fastest of each it has spared both.
    expect(ofFastestTurns).toBeGreaterThan(0)
    expect(ofFastestTurns).toBeLessThan(1)
    expect(bundle.value).toBeGreaterThan(1)
  }, 120_000)

  it('prints what the server’s side costs, and whatever is to be measured by itself', async () => {
    const { stdout } = await kindred('bench', 'cloud', '--quick', '--json', '--only', 'ingest,batch')
    const metrics = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(metrics.map(({ metric }) => metric)).toEqual([
      'cloud.batch.vs_empty_route',
      'cloud.batch.p99_ms',
      'cloud.ingest_eps',
    ])
    const [share, latency, ingest] = metrics
    expect(share).toMatchObject({ unit: 'of its req/s', target: '>=0.3', rival: expect.any(String) })
    const { reqPerS, shape, load } = share.detail
    expect(share.value).toBe(rounded(reqPerS.batch.median / reqPerS.empty.median))
    expect(shape).toMatchObject({ samples: 25, connections: 32 })
    expect(load).toEqual({ before: expect.any(Number), after: expect.any(Number) })
    expect(latency.value).toBe(latency.detail.ms.p99)
    expect(ingest.detail.eventsPerS[50].turns).toContain(ingest.value)
  }, 120_000)

  it('measures nothing of the app without a browser, and says so for each figure', async () => {
    const { stdout } = await kindred('bench', 'app', '--json', '--browser', '/nowhere/chromium')
    const metrics = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(metrics.map(({ metric }) => metric)).toEqual([
      'app.lighthouse.performance',
      'app.lighthouse.accessibility',
      'app.lighthouse.best_practices',
      'app.main_js_kb',
      'app.cls',
      'app.ranked_s',
      'app.ranked_offline_s',
      'app.inp_ms',
    ])
    for (const { value, target, detail } of metrics) {
      expect([value, target]).toEqual([null, expect.stringMatching(/^[<>]=?/)])
      expect(detail.why).toContain('No Chromium is here')
    }
  })

  it('refuses what it does not know in one sentence', async () => {
    const failed = await kindred('bench', 'coffee').catch((error) => error)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('There is no benchmark coffee')
    const part = await kindred('bench', 'cloud', '--only', 'tea').catch((error) => error)
    expect(part.code).toBe(1)
    expect(part.stderr).toContain('There is no part tea')
    const view = await kindred('bench', 'app', '--only', 'tea').catch((error) => error)
    expect(view.stderr).toContain('There is no part tea')
  }, 120_000)
})
