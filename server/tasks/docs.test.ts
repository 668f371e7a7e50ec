import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { readRule } from '../../shared/release/rules.ts'
import type { NamedSamples, Run } from '../../shared/tasks/context.ts'
import { draft, toySchema as schema, text } from '../../shared/tasks/fixtures.ts'
import { RANKING, sealTask } from '../../shared/tasks/manifest.ts'
import { type Ground, runTask } from '../../shared/tasks/run.ts'
import { checkScript } from './script.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/tasks.md'), 'utf8')

/** Samples whose label is that of their item. */
const samples = (count: number): NamedSamples => {
  const items = Array.from({ length: count }, (_, i) => 2 + (i % 8))
  return {
    ids: items.map(String),
    batch: {
      size: count,
      ids: Int32Array.from(items),
      dense: new Float32Array(2 * count),
      labels: Float32Array.from(items, (item) => item % 2),
      weights: new Float32Array(count).fill(1),
    },
  }
}

describe('docs/tasks.md', () => {
  it('has a script that is one, and learns', async () => {
    const script = /```js\n(.*?)```/s.exec(page)![1]!
    await checkScript(text(script))
    const { run } = (await import(`data:text/javascript,${encodeURIComponent(script)}`)) as { run: Run }
    const manifest = await sealTask(
      draft({ hyper: { epochs: 20, learningRate: 0.02 }, models: { reads: [], writes: [RANKING] } }),
      1,
      {
        script: text(script),
      },
    )
    const { attention, mlp } = din(schema)
    const weights = initialWeights(din(schema), seeded(1))
    const widths = { attention, mlp }
    const ground: Ground = {
      schema,
      hyper: manifest.hyper,
      widths: { ranking: widths, classifier: widths },
      samples: async () => samples(32),
      model: async () => weights,
      initial: async () => weights,
      kept: async () => undefined,
      keep: async () => {},
      engine: createPlainEngine(),
      clock: { now: () => 0 },
      after: () => () => {},
    }
    const { result, models, reports } = await runTask(manifest, run, ground, {
      trigger: { on: 'day' },
      seed: 1,
    })
    expect(result).toEqual({ learnt: true })
    expect(models[RANKING]).toBeDefined()
    expect(reports).toMatchObject([{ name: 'training' }])
  })

  it('shows rules that are some', () => {
    const shown = [...page.matchAll(/`(\{"[^`]*\})`/g)].map(([, rule]) => rule!.replaceAll('\\|', '|'))
    const whole = shown.filter((rule) => !rule.includes('…'))
    expect(whole.length).toBeGreaterThanOrEqual(8)
    for (const rule of whole) expect(() => readRule(JSON.parse(rule))).not.toThrow()
  })
})
