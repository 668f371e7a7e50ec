import fc from 'fast-check'
import { expect, test } from 'vitest'
import { folderOf, GLOBO_HEADER, globoLine } from './fixtures.ts'
import { type Impression, impressions } from './globo-impressions.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TEN = Date.UTC(2017, 9, 1, 10)

interface Told {
  user: number
  at: number
  article: number
}

/** A log in which every click is a session of its own. */
const log = (clicks: readonly Told[]): string =>
  `${[GLOBO_HEADER, ...clicks.map(({ user, at, article }, i) => globoLine(user, i, TEN + at, article, TEN + at, 1))].join('\n')}\n`

async function read(text: string, options: Partial<Parameters<typeof impressions>[1]> = {}) {
  const file = `${await folderOf({ 'clicks.csv': text })}/clicks.csv`
  const all: Impression[] = []
  for await (const some of impressions(file, { end: Number.POSITIVE_INFINITY, seed: 1, ...options }))
    all.push(...some)
  return all
}

const clicksArbitrary = fc
  .array(fc.tuple(fc.nat(5), fc.nat(40 * MINUTE), fc.integer({ min: 1, max: 9 })), {
    minLength: 2,
    maxLength: 40,
  })
  .map((drawn) => {
    let at = 0
    return drawn.map(([user, gap, article]): Told => {
      at += gap
      return { user, at, article }
    })
  })

test('clicks of the last hour and age are counted from what came before, as a search of the whole log counts them', async () => {
  await fc.assert(
    fc.asyncProperty(clicksArbitrary, async (clicks) => {
      const told = await read(log(clicks))
      told.forEach((one, i) => {
        const before = clicks.slice(0, i)
        const { at } = clicks[i]!
        for (const [article, [count, hours]] of one.told) {
          const recent = before.filter((click) => click.article === article && click.at >= at - HOUR).length
          const first = before.find((click) => click.article === article)?.at ?? at
          expect(count).toBe(Math.round(4 * Math.log1p(recent)) / 16)
          expect(hours).toBe(Math.round(4 * Math.log1p((at - first) / HOUR)) / 16)
        }
      })
    }),
    { seed: 7, numRuns: 30 },
  )
})

test('what comes later changes nothing of what was told before', async () => {
  await fc.assert(
    fc.asyncProperty(clicksArbitrary, fc.nat(39), async (clicks, cut) => {
      const exam = { among: 2, wanted: () => true }
      const some = clicks.slice(0, (cut % clicks.length) + 1)
      expect(await read(log(some), { exam })).toEqual(
        (await read(log(clicks), { exam })).slice(0, some.length),
      )
    }),
    { seed: 7, numRuns: 30 },
  )
})

test('an exam is among as many as were asked for, of the hour before, or there is none', async () => {
  const others = Array.from({ length: 6 }, (_, i) => ({ user: 2 + i, at: i * MINUTE, article: 10 + i }))
  const text = log([...others, { user: 1, at: 61 * MINUTE, article: 99 }])
  const wanted = (user: number) => user === 1
  // Of the six, that of 10:00 is more than an hour ago.
  const { exam, told } = (await read(text, { exam: { among: 5, wanted } })).at(-1)!
  expect(exam!.any.toSorted()).toEqual([11, 12, 13, 14, 15])
  expect(exam!.read.toSorted()).toEqual([11, 12, 13, 14, 15])
  expect([...exam!.told.keys()].toSorted()).toEqual([11, 12, 13, 14, 15, 99])
  expect(exam!.told.get(99)).toEqual(told.get(99))
  expect((await read(text, { exam: { among: 6, wanted } })).at(-1)!.exam).toBeUndefined()
})

test('exams change nothing of what is shown', async () => {
  const clicks = Array.from({ length: 60 }, (_, i) => ({ user: i % 7, at: i * MINUTE, article: i % 23 }))
  const plain = await read(log(clicks))
  const examined = await read(log(clicks), { exam: { among: 3, wanted: (user) => user === 3 } })
  expect(examined.some(({ exam }) => exam)).toBe(true)
  expect(examined.map(({ exam, ...shown }) => shown)).toEqual(plain.map(({ exam, ...shown }) => shown))
})
