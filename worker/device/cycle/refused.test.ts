import { expect, it } from 'vitest'
import { stage } from '../../testing/stage.ts'
import { key, problem } from '../../testing/world.ts'

const here = stage()

it('a device whose events are refused gets what is released, and loses what is taken back, all the same', async () => {
  const device = await here.start()
  await device.contact()
  const names = async () => (await device.status(null)).tasks.map(({ name }) => name)
  expect(await names()).not.toEqual([])
  await device.track({ events: [{ type: 'exposure', item: key(1) }] })
  here.server.before = (_, path) => (path === '/api/events' ? problem(400, 'No such event') : undefined)
  here.server.delivering.release([])
  here.clock.move(3_600_000)
  await expect(device.contact()).rejects.toMatchObject({ code: 'refused' })
  expect(await names()).toEqual([])
  expect((await device.status(null)).events.waiting).toBe(1)
})
