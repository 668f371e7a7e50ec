import fc from 'fast-check'
import { expect, test } from 'vitest'
import { folderOf } from '../../sources/fixtures.ts'
import { sequences } from '../../sources/sequences.ts'
import { type Judge, leaveOneOut, type Turn } from './leave-one-out.ts'

const NOW = Date.UTC(2026, 0, 15, 12)

async function split(users: number[][], population?: number) {
  const text = users.flatMap((own, user) => own.map((item) => `${user} ${item}\n`)).join('')
  const folder = await folderOf({ 'all.txt': text })
  const source = await sequences(`${folder}/all.txt`, { clock: { now: () => NOW } })
  return leaveOneOut(source, population)
}

const clicksOf = (events: Turn['past']): number[] =>
  events.flatMap((event) => (event.type === 'click' ? [Number(event.item)] : []))

async function turnsOf({ turns }: Awaited<ReturnType<typeof split>>, judge: Judge): Promise<Turn[]> {
  const all: Turn[] = []
  for await (const turn of turns(judge)) all.push(turn)
  return all
}

const someUsers = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 8,
})

test('the cloud knows all but the last two clicks; who is judged, all before the one that is left out', async () => {
  const check = async (users: number[][]) => {
    const loo = await split(users)
    const known = new Map<string, number[]>()
    for await (const { user, events } of loo.past.users()) known.set(user, clicksOf(events))
    const long = [...users.entries()].filter(([, own]) => own.length > 2)
    for (const [user, own] of users.entries())
      expect(known.get(`${user}`)).toEqual(own.length > 2 ? own.slice(0, -2) : own)
    for (const [judge, back] of [
      ['test', 1],
      ['validation', 2],
    ] as const) {
      const turns = await turnsOf(loo, judge)
      expect(turns.map(({ user, number }) => [user, number])).toEqual(
        long.map(([user]) => [`${user}`, user + 1]),
      )
      for (const [i, turn] of turns.entries()) {
        const own = long[i]![1]
        expect(clicksOf(turn.past)).toEqual(own.slice(0, -back))
        expect(turn.item).toBe(`${own.at(-back)}`)
        expect([...turn.own].map(Number)).toEqual(own)
        for (const { at } of turn.past) expect(at).toBeLessThan(turn.at)
      }
    }
  }
  await fc.assert(fc.asyncProperty(someUsers, check), { seed: 21, numRuns: 30 })
})

test('what is left out was not clicked before, but may have been passed over like anything else', async () => {
  const [turn] = await turnsOf(await split([[1, 2, 3, 4], [5], [6], [7]]), 'test')
  expect(clicksOf(turn!.past)).toEqual([1, 2, 3])
  expect(turn!.past.every(({ at }) => at < turn!.at)).toBe(true)
  // Were it never among what was passed over, that alone would give it away.
  const clicked = new Set(turn!.past.flatMap((event) => (event.type === 'click' ? [event.exposure] : [])))
  const passed = turn!.past.flatMap((event) =>
    event.type === 'exposure' && !clicked.has(event.id) ? [event.item] : [],
  )
  expect(passed).toContain('4')
})

test('a population is the first so many users', async () => {
  const loo = await split(
    [
      [1, 2, 3],
      [4, 5],
      [6, 7, 8],
    ],
    2,
  )
  const users: string[] = []
  for await (const { user } of loo.past.users()) users.push(user)
  expect(users).toEqual(['0', '1'])
  expect((await turnsOf(loo, 'test')).map(({ user }) => user)).toEqual(['0'])
})
