/** A device of its own on the real server, as `simulate` has them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createHeadlessDevice } from '../../worker/headless.ts'
import { HOUR, NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { createApp } from '../http/app.ts'
import { ship } from '../tasks/shipped.ts'

let toy: ToyCloud
beforeAll(async () => {
  toy = await toyCloud({ sliceAbove: 50 })
  await toy.cloud.importSource(toySource())
  await toy.cloud.prepare()
  await toy.cloud.train({ epochs: 1 })
})
afterAll(() => toy.done())
const appOf = async ({ cloud, time }: ToyCloud) =>
  createApp({
    cloud,
    log: pino({ level: 'silent' }),
    tasks: await ship(await cloud.tasks()),
    clock: { now: () => time.now },
  })

it('a device gets the rows that it needs of a table that is not delivered whole, and a model of its own', async () => {
  const app = await appOf(toy)
  const asked: { ids: number[]; bytes: Uint8Array }[] = []
  const device = createHeadlessDevice({
    server: 'http://server',
    timers: false,
    seed: 1,
    clock: { now: () => toy.time.now },
    async fetch(input, init) {
      const response = await app.request(String(input), init)
      if (String(input).endsWith('/api/rows'))
        asked.push({
          ids: JSON.parse(String(init!.body)).ids,
          bytes: new Uint8Array(await response.clone().arrayBuffer()),
        })
      return response
    },
  })
  try {
    await device.start()
    await device.contact()
    const { items } = await device.catalogue(null)
    toy.time.now = NOON + HOUR
    for (const { key, categories } of items.slice(0, 40)) {
      toy.time.now += 10_000
      await device.track({ events: [{ type: categories[0] === 1 ? 'click' : 'exposure', item: key }] })
    }
    await device.rank({ items: items.map(({ key }) => key) })
    await device.contact()
    const { rounds, models, serving } = await device.status(null)
    expect(rounds[0]).toMatchObject({ outcome: 'committed', matched: 300 })
    expect(serving).toMatchObject({ slot: 'M', sha256: models.find(({ slot }) => slot === 'M')!.sha256 })

    const { sliced, model } = (await toy.cloud.manifest())!
    expect(serving!.sha256).not.toBe(model.sha256)
    const table = readFileSync(join(toy.dir, 'tables', sliced!.item!))
    const ids = asked.flatMap(({ ids }) => ids)
    expect(ids.length).toBeGreaterThan(40)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { ids, bytes } of asked)
      for (const [row, id] of ids.entries())
        expect(Buffer.from(bytes.subarray(row * 32, row * 32 + 32))).toEqual(
          table.subarray(id * 32, id * 32 + 32),
        )
  } finally {
    await device.stop()
  }
})

it('the switch of a device reaches the record, at the next contact or with the registration', async () => {
  const app = await appOf(toy)
  const device = createHeadlessDevice({
    server: 'http://server',
    timers: false,
    seed: 1,
    clock: { now: () => toy.time.now },
    fetch: async (input, init) => app.request(String(input), init),
  })
  try {
    await device.start()
    await device.contact()
    const { device: name } = await device.status(null)
    const user = (await toy.cloud.userOf(name!))!
    expect(await toy.cloud.consentOf(user)).toMatchObject({ sharing: true, version: 0 })
    await device.share({ on: false })
    expect((await device.status(null)).sharing).toEqual({ on: false, told: false })
    await device.contact()
    expect((await device.status(null)).sharing).toEqual({ on: false, told: true })
    expect(await toy.cloud.consentOf(user)).toMatchObject({ sharing: false, version: 1 })
    // Whoever they are after “Forget everything”, they still do not share.
    await device.forget(null)
    await device.contact()
    const { device: next } = await device.status(null)
    expect(next).not.toBe(name)
    expect(await toy.cloud.consentOf((await toy.cloud.userOf(next!))!)).toMatchObject({ sharing: false })
  } finally {
    await device.stop()
  }
})
