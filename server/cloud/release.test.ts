import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { applyDelta } from '../../shared/delta.ts'
import { hyper } from '../../shared/hyper.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { seeded } from '../../shared/random.ts'
import { schemas } from '../../shared/schemas/index.ts'
import type { Manifest } from '../../shared/task.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { readArtifact, release } from './release.ts'
import { catalogue, DAY, toyPrivacy } from './toy.ts'

const schema = schemas.demo(catalogue)
const population = { source: 'toy', schema, catalogue, dayMs: DAY }
const drawn = (seed: number) => initialWeights(din(schema), seeded(seed))

/** As after a little more training: each weight moves by about a hundredth. */
function moved(weights: Weights, seed: number): Weights {
  const random = seeded(seed)
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((weight) => weight * (1 + 0.01 * random.normal())) },
    ]),
  )
}

describe('a global model that is released', () => {
  let dir: string
  let store: Store
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-release-'))
    store = openStore(join(dir, 'store'))
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })
  const released = (weights: Weights): Promise<Manifest> =>
    release(
      { store, dir, hyper: hyper(), privacy: toyPrivacy(), sliceAbove: 1000, freshBatches: 0, tell() {} },
      population,
      weights,
    )
  const bytes = async (sha256: string) => (await readArtifact(dir, sha256))!.bytes

  it('comes with what it differs in from those before, where that is less; and each makes it, byte for byte', async () => {
    const weights = drawn(1)
    const first = await released(weights)
    expect(first.model.deltas).toBeUndefined()
    const second = await released(moved(weights, 2))
    const third = await released(moved(moved(weights, 2), 3))
    expect(third.model.deltas!.map(({ from }) => from)).toEqual([first.model.sha256, second.model.sha256])
    const whole = await bytes(third.model.sha256)
    for (const delta of third.model.deltas!) {
      const file = await bytes(delta.sha256)
      expect(file.length).toBe(delta.bytes)
      expect(file.length).toBeLessThan(0.9 * gzipSync(whole).length)
      expect(whole.equals(applyDelta(await bytes(delta.from), file))).toBe(true)
    }
  })

  it('comes alone where it has little in common with them, or is the same once more', async () => {
    await released(drawn(1))
    const other = await released(drawn(2))
    expect(other.model.deltas).toBeUndefined()
    const same = await released(drawn(2))
    expect(same.model).toEqual(other.model)
  })

  it('keeps the deltas that the last three releases name, and no others', async () => {
    let weights = drawn(1)
    const manifests: Manifest[] = []
    for (let n = 1; n <= 6; n++) {
      manifests.push(await released(weights))
      weights = moved(weights, n)
    }
    const named = manifests
      .slice(-3)
      .flatMap(({ model, catalogue }) => [model, catalogue, ...(model.deltas ?? [])])
    const files = [...new Set(named.map(({ sha256 }) => sha256))].flatMap((name) => [name, `${name}.gz`])
    expect(readdirSync(join(dir, 'artifacts')).sort()).toEqual(files.sort())
    expect(manifests.at(-1)!.model.deltas).toHaveLength(3)
  })
})
