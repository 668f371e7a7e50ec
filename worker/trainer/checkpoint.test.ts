import { describe, expect, test } from 'vitest'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { inOrder, runJob, STEPS, sound, trainerOn } from '../testing/engines.ts'
import type { Kept } from './job.ts'

describe('a run that is cut off', () => {
  /** All that an undisturbed run keeps, as it comes back from storage. */
  async function undisturbed() {
    const calm = sound('plain')
    const kept: Kept[] = []
    const watch = { onCheckpoint: (one: Kept) => kept.push(structuredClone(one)) }
    const due = await trainerOn(inOrder(calm)).run(runJob(), watch)
    return { due, kept, batches: calm.batches }
  }
  const from = ({ name, ...kept }: Kept) => runJob({ kept: { [name]: kept } })

  test('has told what it keeps, the same each time', async () => {
    const { kept } = await undisturbed()
    expect(kept.map(({ name }) => name)).toEqual([RANKING, RANKING, RANKING])
    expect((await undisturbed()).kept).toEqual(kept)
  })

  test('goes on from any of it with the rest of the mini-batches, and ends the same', async () => {
    const { due, kept, batches } = await undisturbed()
    for (const [i, one] of kept.entries()) {
      const rest = sound('plain')
      const result = await trainerOn(inOrder(rest)).run(from(one))
      expect(rest.batches).toEqual(batches.slice((i + 1) * 3))
      expect(result).toEqual(due)
    }
    expect(batches).toHaveLength(STEPS)
  })

  test('leaves the job as it was', async () => {
    const job = runJob()
    await trainerOn(inOrder(sound('plain'))).run(job)
    expect(job.kept).toEqual({})
  })
})
