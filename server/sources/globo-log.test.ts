import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { inTimeOrder, type Session, type Told } from './globo-log.ts'

/** Sessions as they come out of a file: some at a time. */
async function* inPieces(sessions: readonly Session[], size: number): AsyncGenerator<Session[]> {
  for (let at = 0; at < sessions.length; at += size) yield sessions.slice(at, at + size)
}

const session = (start: number, offsets: readonly number[]): Session => ({
  user: 1,
  start,
  clicks: [...offsets].sort((a, b) => a - b).map((offset) => ({ at: start + offset, article: 1, device: 1 })),
})

test('the clicks of all sessions come in time order, each once, with the session that it is of', async () => {
  const sessions = fc
    .array(fc.record({ after: fc.nat(50), offsets: fc.array(fc.nat(400), { minLength: 1, maxLength: 5 }) }), {
      maxLength: 60,
    })
    .map((steps) => {
      let start = 0
      return steps.map(({ after, offsets }) => {
        start += after
        return session(start, offsets)
      })
    })
  const check = async (sessions: Session[], size: number) => {
    const told: Told[] = []
    for await (const some of inTimeOrder(inPieces(sessions, size))) told.push(...some)
    const due = sessions.flatMap(({ clicks }) => clicks)
    expect(told.map(({ click }) => click.at)).toEqual(due.map(({ at }) => at).sort((a, b) => a - b))
    expect(new Set(told.map(({ click }) => click))).toEqual(new Set(due))
    for (const { session, click } of told) expect(session.clicks).toContain(click)
  }
  await fc.assert(fc.asyncProperty(sessions, fc.integer({ min: 1, max: 20 }), check), { seed: 7 })
})

test.each([500, 5000])('of %i sessions only those that may still click are held', async (count) => {
  const random = seeded(5)
  const MINUTE = 60_000
  // One begins every ten seconds and goes on for up to twenty minutes: about 120 at most can overlap.
  const sessions = Array.from({ length: count }, (_, i) =>
    session(
      i * 10_000,
      Array.from({ length: 3 }, () => random.below(20 * MINUTE)),
    ),
  )
  let most = 0
  const told = inTimeOrder(inPieces(sessions, 64), (held) => {
    most = Math.max(most, held)
  })
  for await (const _ of told);
  const openAt = (start: number) =>
    sessions.filter((one) => one.start <= start && one.clicks.at(-1)!.at >= start).length
  expect(most).toBe(Math.max(...sessions.map(({ start }) => openAt(start))))
  expect(most).toBeLessThanOrEqual(121)
})
