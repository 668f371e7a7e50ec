import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const bin = resolve(import.meta.dirname, '../bin.js')
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
      expect(metric.value).toBeCloseTo(msAStep[rivalTimed] / msAStep['fused-wasm'], 0)
    }
    expect(peak.value).toBeGreaterThan(0)
    expect(peak.value).toBeLessThan(1)
    expect(bundle.value).toBeGreaterThan(1)
  })

  it('refuses what it does not know in one sentence', async () => {
    const failed = await kindred('bench', 'coffee').catch((error) => error)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('There is no benchmark coffee')
  })
})
