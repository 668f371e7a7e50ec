/** What the page asks tasks for, on whole devices with tasks that came from the server. */
import { expect, test } from 'vitest'
import type { Delivered } from '../../../shared/tasks/contact.ts'
import { sealTask, type TaskDraft } from '../../../shared/tasks/manifest.ts'
import { builtTasks } from '../../testing/built.ts'
import { anyTask } from '../../testing/scripts.ts'
import { rank, stage } from '../../testing/stage.ts'
import { key } from '../../testing/world.ts'
import type { Device } from '../device.ts'

const here = stage()

async function task(changes: Partial<TaskDraft>, script: string, version = 1): Promise<Delivered> {
  const files = { script: new TextEncoder().encode(script) }
  return { manifest: await sealTask(anyTask(changes), version, files), files }
}
const counts = (changes: Partial<TaskDraft> = {}) =>
  task(
    {
      name: 'counts',
      triggers: [{ on: 'call', name: 'count' }],
      samples: ['local-training', 'local-validation'],
      models: { reads: [], writes: ['times'] },
      ...changes,
    },
    `export async function run({ samples, models, trigger }) {
      const own = (await samples.read('local-validation')).ids.length
      const before = (await models.read('times'))?.times.data[0] ?? 0
      await models.write('times', { times: { shape: [1], data: Float32Array.of(before + 1) } })
      if (trigger.input === 'fail') throw new Error('as asked')
      return { own, before, asked: trigger.input ?? null }
    }`,
  )

async function deviceWith(...tasks: Delivered[]): Promise<Device> {
  here.server.delivering.release(tasks)
  const device = await here.start()
  await device.contact()
  return device
}
const items = Array.from({ length: 60 }, (_, i) => key(i))

/** The order, once whoever gives it is ready; nobody tells when that is, and a busy machine takes its time. */
async function ordered(device: Device, by: { task: string; version: number } | null) {
  let answer = await device.rank({ items })
  const asked = async () => {
    answer = await device.rank({ items })
    return answer.by
  }
  await expect.poll(asked, { timeout: 20_000 }).toEqual(by)
  return answer.ranked
}

test('a task answers a call by name; what it writes is there at the next, and nothing of a run that fails', async () => {
  const device = await deviceWith(...builtTasks, await counts())
  await here.read(device, 3)
  const first = (await device.run({ name: 'count', input: { hour: 9 } })) as { own: number }
  expect(first).toEqual({ own: first.own, before: 0, asked: { hour: 9 } })
  expect(first.own).toBeGreaterThan(0)
  await expect(device.run({ name: 'count', input: 'fail' })).rejects.toThrow(/counts v1: as asked/)
  expect(await device.run({ name: 'count' })).toMatchObject({ before: 1, asked: null })
})

test('nobody answers a name that no task has, and `rank` is asked with items', async () => {
  const device = await deviceWith(await counts())
  await expect(device.run({ name: 'nothing' })).rejects.toMatchObject({ code: 'not-ready' })
  await expect(device.run({ name: 'rank' })).rejects.toMatchObject({ code: 'bad-input' })
})

test('so many times a day, and no more', async () => {
  const { manifest } = await counts()
  const device = await deviceWith(await counts({ budget: { ...manifest.budget, runsPerDay: 2 } }))
  await device.run({ name: 'count' })
  await device.run({ name: 'count' })
  await expect(device.run({ name: 'count' })).rejects.toMatchObject({ code: 'refused' })
})

test('the task that ships gives the order of the scores; another version another one, and without any it is the scores’', async () => {
  const device = await deviceWith(...builtTasks)
  const shipped = await ordered(device, { task: 'rank', version: 1 })
  expect(shipped).toEqual([...shipped].sort((a, b) => b.score - a.score))

  const draft = {
    name: 'rank',
    triggers: [{ on: 'call' as const, name: 'rank' }],
    samples: ['candidates' as const],
  }
  const reversed = await task(
    { ...draft, models: { reads: [], writes: [] } },
    "export const run = async ({ samples }) => samples.rank((await samples.read('candidates')).scores.map((x) => -x))",
    2,
  )
  here.server.delivering.release([...builtTasks.filter(({ manifest }) => manifest.name !== 'rank'), reversed])
  here.clock.move(3_600_000)
  await device.contact()
  const now = await ordered(device, { task: 'rank', version: 2 })
  expect(now).toEqual([...now].sort((a, b) => a.score - b.score))

  here.server.delivering.release([])
  here.clock.move(3_600_000)
  await device.contact()
  await ordered(device, null)
  const scores = (await rank(device)).map(({ score }) => score)
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
})
