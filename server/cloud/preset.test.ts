import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { armNamed } from '../experiment/arms.ts'
import { type ToyCloud, toyCloud, toySource } from './toy.ts'

describe('the numbers of a release', () => {
  let toy: ToyCloud
  beforeEach(async () => {
    toy = await toyCloud()
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
  })
  afterEach(() => toy.done())

  const train = async (choice: Parameters<typeof toy.cloud.train>[0] = {}) => {
    const { preset } = await toy.cloud.train({ epochs: 1, maxSamples: 200, ...choice })
    return { preset, ...(await toy.cloud.manifest())! }
  }

  it('are the defaults, until others are named', async () => {
    const { preset, hyper: told, factors } = await train()
    expect(preset).toBe('coda')
    expect(told).toEqual(hyper())
    expect(factors).toBeUndefined()
  })

  it('are those of the arm that was measured, and item factors come with them', async () => {
    const { preset, hyper: told, factors } = await train({ preset: 'kindred' })
    expect(preset).toBe('kindred')
    expect(told).toEqual(armNamed('kindred').hyper)
    expect(factors).toBeDefined()
  })

  it('stay what was chosen last, whoever trains next, and whatever process', async () => {
    await train({ preset: 'kindred' })
    await toy.reopen()
    expect(await train()).toMatchObject({ preset: 'kindred', hyper: { ranking: { personal: true } } })
    expect(await train({ preset: 'coda' })).toMatchObject({ hyper: { ranking: { personal: false } } })
    expect(await train()).toMatchObject({ preset: 'coda' })
  })

  it('leave alone what the folder was opened with', async () => {
    const other = await toyCloud({ hyper: hyper({ sigma: 0.3, ranking: { batchSize: 8 } }) })
    try {
      await other.cloud.importSource(toySource())
      await other.cloud.prepare()
      await other.cloud.train({ epochs: 1, maxSamples: 200, preset: 'kindred' })
      expect((await other.cloud.manifest())!.hyper).toMatchObject({
        sigma: 0.3,
        minClicks: 3,
        ranking: { batchSize: 8, gate: 'epochs' },
      })
    } finally {
      await other.done()
    }
  })
})
