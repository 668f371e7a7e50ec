/** What every store must do with sums of what is reported. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fixture } from './contract-kit.ts'

const idOf = (n: number) => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
const plus = (task: string, version: number, n: number) => ({
  task,
  version,
  add: (sum: unknown) => Number(sum ?? 0) + n,
})

export function sumsContract(at: Fixture): void {
  describe('sums', () => {
    it('are those of all uploads, by day, task and version, also after it was closed', async () => {
      const { sums } = at.store
      expect(await sums.add(4, idOf(1), [plus('rank', 2, 5), plus('rank-more', 1, 7)])).toBe(true)
      expect(await sums.add(4, idOf(2), [plus('rank', 2, 1), plus('rank', 2, 1), plus('rank', 1, 3)])).toBe(
        true,
      )
      expect(await sums.add(5, idOf(3), [plus('rank', 2, 9)])).toBe(true)
      await at.reopen()
      const all = [
        { day: 4, task: 'rank', version: 1, sum: 3 },
        { day: 4, task: 'rank', version: 2, sum: 7 },
        { day: 4, task: 'rank-more', version: 1, sum: 7 },
        { day: 5, task: 'rank', version: 2, sum: 9 },
      ]
      expect(await at.store.sums.read(0, 9)).toEqual(all)
      expect(await at.store.sums.read(5, 5)).toEqual(all.slice(3))
    })

    it('count an upload once, however often and when it comes', async () => {
      const uploads = fc.array(
        fc.record({
          id: fc.nat(5),
          day: fc.integer({ min: 10, max: 23 }),
          n: fc.nat(9),
          together: fc.boolean(),
        }),
        { maxLength: 30 },
      )
      let round = 0
      await fc.assert(
        fc.asyncProperty(uploads, async (all) => {
          const task = `t${round++}`
          const counted = new Map<string, { day: number; n: number }>()
          let under: Promise<unknown>[] = []
          // Days only go on.
          for (const { id, day, n, together } of [...all].sort((a, b) => a.day - b.day)) {
            const upload = idOf(round * 100 + id)
            const isNew = !counted.has(upload)
            if (isNew) counted.set(upload, { day, n })
            under.push(
              at.store.sums.add(day, upload, [plus(task, 1, n)]).then((said) => expect(said).toBe(isNew)),
            )
            if (together) continue
            await Promise.all(under)
            under = []
          }
          await Promise.all(under)
          const due = new Map<number, number>()
          for (const { day, n } of counted.values()) due.set(day, (due.get(day) ?? 0) + n)
          const found = (await at.store.sums.read(0, 30)).filter((row) => row.task === task)
          expect(new Map(found.map(({ day, sum }) => [day, sum]))).toEqual(due)
        }),
        { seed: 1, numRuns: 25 },
      )
    })

    it('change with all of an upload or with nothing of it', async () => {
      const { sums } = at.store
      const no = () => {
        throw new Error('no such sum')
      }
      const failing = sums.add(4, idOf(1), [plus('rank', 1, 5), { task: 'rank', version: 2, add: no }])
      await expect(failing).rejects.toThrow('no such sum')
      expect(await sums.read(0, 9)).toEqual([])
      expect(await sums.add(4, idOf(1), [plus('rank', 1, 5)])).toBe(true)
    })

    it('of old days go, and an upload is known for two weeks', async () => {
      const { sums } = at.store
      await sums.add(4, idOf(1), [plus('rank', 1, 1)])
      await sums.add(5, idOf(2), [plus('rank', 1, 2)])
      await sums.add(18, idOf(3), [plus('rank', 1, 4)])
      await sums.dropBefore(5)
      expect((await sums.read(0, 99)).map(({ day, sum }) => [day, sum])).toEqual([
        [5, 2],
        [18, 4],
      ])
      expect(await sums.add(18, idOf(2), [plus('rank', 1, 8)])).toBe(false)
      expect(await sums.add(18, idOf(1), [plus('rank', 1, 8)])).toBe(true)
    })
  })
}
