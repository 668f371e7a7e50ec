import { expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { folderOf } from '../../sources/fixtures.ts'
import { FIRST_DAY, portalLog } from './fixtures.ts'
import { HOUR_MS, openWorld, type World } from './world.ts'

const LOG = portalLog({ readers: 60, days: 4 })
const options = {
  days: 2,
  readers: 60,
  arms: ['cloud', 'coda'],
  users: 4,
  among: 5,
  seed: 1,
}
const opened = async (text = LOG, changes: Partial<typeof options> = {}) =>
  openWorld({ ...options, ...changes, path: await folderOf({ 'clicks.csv': text }) })

async function lived(world: World) {
  const hours: Awaited<ReturnType<typeof world.hours> extends AsyncGenerator<infer H> ? H : never>[] = []
  for await (const hour of world.hours()) hours.push(hour)
  return hours
}

test('the last days are replayed hour by hour, from midnight in Brasília, and the past is before them', async () => {
  const world = await opened()
  expect([world.start, world.end].map((time) => time % DAY_MS)).toEqual([0, 0])
  expect(world.start).toBe(FIRST_DAY - 3 * HOUR_MS + 2 * DAY_MS)
  const hours = await lived(world)
  expect(hours.map(({ at }) => at)).toEqual(Array.from({ length: 48 }, (_, i) => world.start + i * HOUR_MS))
  for (const { at, impressions } of hours)
    for (const one of impressions) {
      expect(one.at).toBeGreaterThanOrEqual(at)
      expect(one.at).toBeLessThan(at + HOUR_MS)
    }
  let before = 0
  for await (const { events } of world.past.users())
    for (const event of events) {
      expect(event.at).toBeLessThan(world.start)
      if (event.type === 'click') before++
    }
  const after = hours.reduce((sum, { impressions }) => sum + impressions.length, 0)
  const clicks = LOG.trim().split('\n').length - 1
  // The log ends where its last session begins.
  expect(clicks - before - after).toBeLessThan(6)
})

test('only who is judged has exams, and only while the replay lasts; of them the past is told', async () => {
  const world = await opened()
  expect(world.arms.size).toBe(8)
  const hours = await lived(world)
  for (const { impressions } of hours)
    for (const { user, exam } of impressions) if (exam) expect(world.arms.has(`${user}`)).toBe(true)
  for await (const _ of world.past.users());
  for (const user of world.arms.keys())
    expect(world.lived(Number(user)).filter(({ type }) => type === 'click').length).toBe(
      world.activity.get(Number(user))!.clicks,
    )
})

test('what happens later changes nothing of what a model could know before', async () => {
  const cut = FIRST_DAY + 3.4 * DAY_MS
  const [head, ...lines] = LOG.trim().split('\n')
  const isBefore = (line: string) => Number(line.split(',')[2]) < cut
  // Other articles, of other readers, from then on.
  const other = lines.map((line, i) => {
    const fields = line.split(',')
    if (isBefore(line)) return line
    return fields.with(4, `${(i * 7) % 40}`).join(',')
  })
  const [one, two] = [await opened(), await opened([head, ...other].join('\n'))]
  expect([...two.arms]).toEqual([...one.arms])
  const until = cut - 3 * HOUR_MS
  const told = (world: Awaited<ReturnType<typeof lived>>) =>
    world.flatMap(({ impressions }) => impressions).filter(({ at }) => at < until)
  const before = told(await lived(one))
  expect(before.length).toBeGreaterThan(100)
  expect(told(await lived(two))).toEqual(before)
})

test('a smaller world has some of the readers, and articles are read as much as by all of them', async () => {
  const [all, some] = [await opened(), await opened(LOG, { readers: 30 })]
  const readers = new Map<string, readonly number[]>()
  for (const { impressions } of await lived(all))
    for (const { user, at, article, told } of impressions)
      readers.set(`${user} ${at}`, [...told.get(article)!])
  const seen = (await lived(some)).flatMap(({ impressions }) => impressions)
  expect(new Set(seen.map(({ user }) => user)).size).toBeLessThan(45)
  for (const { user, at, article, told } of seen)
    expect(told.get(article)).toEqual(readers.get(`${user} ${at}`))
})

test('a log without a past, or without anybody to judge, is refused', async () => {
  await expect(opened(LOG, { days: 4 })).rejects.toMatchObject({ code: 'bad-input' })
  await expect(opened(portalLog({ readers: 60, days: 2 }), { days: 1 })).rejects.toMatchObject({
    code: 'bad-input',
  })
})
