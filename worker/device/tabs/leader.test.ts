/** Many tabs of one device: which of them leads, and what the others have of it. */
import { describe, expect, test } from 'vitest'
import type { Conditions, DeviceApi, Status } from '../../../shared/protocol.ts'
import { hashes, rank, stage, status } from '../../testing/stage.ts'
import { createTab } from '../../testing/tabs.ts'
import { createWorld, key } from '../../testing/world.ts'
import type { Trainer } from '../../trainer/job.ts'
import { deferred } from '../../turns.ts'

const here = stage()

/** One more tab with a device in it. Its trainer waits for `gate`, once that was closed. */
async function open() {
  const tab = createTab(here.storage)
  const platform = here.platform()
  let gate: ReturnType<typeof deferred<void>> | undefined
  const spawnTrainer = (): Trainer => {
    const trainer = platform.spawnTrainer()
    const ended = deferred<void>()
    const run: Trainer['run'] = async (job, watch) => {
      if (job.task.name !== 'train') return trainer.run(job, watch)
      watch?.onProgress?.(0.01)
      await Promise.race([gate?.promise, ended.promise])
      return trainer.run(job, watch)
    }
    const terminate = () => {
      trainer.terminate()
      ended.resolve()
    }
    return { ...trainer, run, terminate }
  }
  const device = await here.start({ ...tab.changes(platform), spawnTrainer })
  const hold = () => {
    gate = deferred<void>()
  }
  return { ...tab, device, hold, letGo: () => gate?.resolve() }
}
type Tab = Awaited<ReturnType<typeof open>>

/** Done with the first status of this kind, the present one included. */
const until = (device: DeviceApi, kind: (status: Status) => boolean) =>
  new Promise<Status>((resolve) => {
    device.onStatus((status) => kind(status) && resolve(status))
  })
const leads = ({ leads }: Status) => leads
const page = (page: Conditions['page']): Conditions => ({ page, battery: null, saveData: null })
const exposure = (i: number) => ({ events: [{ type: 'exposure' as const, item: key(i) }] })
const delivered = (count: number) => (status: Status) => status.events.delivered === count

/** A started tab that leads, and `more` that follow, all with the task. */
async function openAll(more: number): Promise<[Tab, ...Tab[]]> {
  const first = await open()
  await until(first.device, leads)
  await first.device.contact()
  await first.device.contact() // after the one that it makes by itself
  const others: Tab[] = []
  while (others.length < more) others.push(await open())
  return [first, ...others]
}

describe('one tab leads', () => {
  test('and when it ends, however it ends, the next one does', async () => {
    const [a, b, c] = await openAll(2)
    expect(await Promise.all([a, b!, c!].map(async ({ device }) => (await status(device)).leads))).toEqual([
      true,
      false,
      false,
    ])
    await a.device.stop()
    await until(b!.device, leads)
    expect((await status(c!.device)).leads).toBe(false)
    b!.crash()
    await until(c!.device, leads)
  })

  test('only it has timers and contacts the server', async () => {
    const [a, b] = await openAll(1)
    expect(a.timers.waiting()).toContain(60_000)
    expect(b!.timers.waiting()).toEqual([])
  })

  test('what another tab tracks it sends, a moment later', async () => {
    const [a, b] = await openAll(1)
    await b!.device.track(exposure(1))
    await until(a.device, ({ events }) => events.waiting === 1 && a.timers.waiting().includes(1500))
    a.timers.pass(1500)
    await until(b!.device, delivered(1))
    expect(here.server.events.size).toBe(1)
  })

  test('what a tab tracked that ended at once, the next leader sends', async () => {
    const [a, b] = await openAll(1)
    here.offline()
    await a.device.track(exposure(1))
    here.online()
    a.crash()
    await until(b!.device, delivered(1))
  })
})

describe('all tabs', () => {
  test('show the same status while a model trains in one, and after', async () => {
    const [a, b] = await openAll(1)
    await here.read(b!.device, 10)
    const phases: string[] = []
    b!.device.onStatus(({ run }) => run.phase === phases.at(-1) || phases.push(run.phase))
    await until(b!.device, () => true) // what goes on is told beside what was gathered before
    await a.device.contact()
    const { leads: _, ...ofA } = await status(a.device)
    const { leads: __, ...ofB } = await until(
      b!.device,
      ({ rounds, run }) => rounds.length === 1 && run.phase === 'idle',
    )
    expect(ofB).toEqual(ofA)
    expect(phases).toEqual(['idle', 'fetching', 'filtering', 'training', 'committing', 'idle'])
    expect(await rank(b!.device)).toEqual(await rank(a.device))
  })

  test('that come later are told what goes on', async () => {
    const [a] = await openAll(0)
    await here.read(a.device, 10)
    a.hold()
    const round = a.device.train(null)
    await until(a.device, ({ run }) => run.phase === 'training')
    const late = await open()
    await until(late.device, ({ run }) => run.phase === 'training')
    a.letGo()
    await round
    await until(late.device, ({ run }) => run.phase === 'idle')
  })

  test('see a run end whose tab has crashed', async () => {
    const [a, b] = await openAll(1)
    await here.read(b!.device, 10)
    const asked = deferred<void>()
    here.server.before = (_, path) => {
      if (path !== '/api/batches') return undefined
      asked.resolve()
      return new Promise<undefined>(() => {})
    }
    void b!.device.train(null).catch(() => {})
    await asked.promise
    await until(a.device, ({ run }) => run.phase === 'fetching')
    b!.crash()
    await until(a.device, ({ run }) => run.phase === 'idle')
  })

  test('train, one after the other; the tab that was asked does it', async () => {
    const [a, b] = await openAll(1)
    await here.read(a.device, 10)
    const rounds = await Promise.all([a.device.train(null), b!.device.train(null)])
    expect(rounds.map(({ outcome }) => outcome)).toContain('committed')
    expect((await status(a.device)).rounds.map(({ at }) => at)).toHaveLength(2)
    expect(here.server.count('GET /api/batches/100/')).toBe(12)
  })

  test('go back to the delivered model together', async () => {
    const [a, b] = await openAll(1)
    await here.read(a.device, 10)
    await a.device.contact()
    const own = await rank(b!.device)
    await b!.device.rollback(null)
    await until(a.device, (now) => hashes(now).M === here.world.manifest.model.sha256)
    expect(await rank(a.device)).not.toEqual(own)
    expect(await rank(a.device)).toEqual(await rank(b!.device))
  })

  test('take up a new task as soon as one has it', async () => {
    const [a, b] = await openAll(1)
    here.server.world = await createWorld({ version: 2 })
    here.clock.move(60_000)
    await a.device.contact()
    await until(b!.device, ({ task }) => task?.version === 2)
  })

  test('forget together: what runs in one ends, and none has anything left', async () => {
    const [a, b] = await openAll(1)
    await here.read(a.device, 10)
    await rank(a.device)
    a.hold()
    const round = a.device.train(null).catch((error) => error)
    await until(a.device, ({ run }) => run.phase === 'training')
    here.offline()
    await b!.device.forget(null)
    expect(await round).toMatchObject({ code: 'cancelled' })
    await until(a.device, ({ task }) => task === null)
    await expect(rank(a.device)).rejects.toMatchObject({ code: 'not-ready' })
    const db = here.disk()
    const rows = db.tables.filter(({ name }) => name !== 'state').map((table) => table.count())
    expect(await Promise.all(rows)).toEqual(rows.map(() => 0))
    expect(await db.state.toCollection().primaryKeys()).toEqual(['owed']) // to the server, when it can be told
    db.close()
    here.online()
    await a.device.contact()
    await until(b!.device, ({ serving }) => serving !== null)
    expect(await rank(b!.device)).toHaveLength(60)
  })
})

describe('the tab that is looked at', () => {
  test('leads in place of a hidden one', async () => {
    const [a, b] = await openAll(1)
    await a.device.conditions(page('hidden'))
    await b!.device.conditions(page('visible'))
    await until(b!.device, leads)
    await until(a.device, (now) => !leads(now))
  })

  test('leads also if it was looked at before the other was hidden', async () => {
    const [a, b] = await openAll(1)
    await a.device.conditions(page('visible'))
    await b!.device.conditions(page('visible'))
    await a.device.conditions(page('hidden'))
    await until(b!.device, leads)
  })

  test('leads also if a hidden one was before it in the queue', async () => {
    const [a, b, c] = await openAll(2)
    await b!.device.conditions(page('hidden'))
    await a.device.conditions(page('visible'))
    await c!.device.conditions(page('visible'))
    a.crash()
    await until(c!.device, leads)
  })

  test('does not, as long as the one that leads is looked at itself', async () => {
    const [a, b] = await openAll(1)
    await a.device.conditions(page('visible'))
    await b!.device.conditions(page('visible'))
    await b!.device.track(exposure(1))
    await until(a.device, ({ events }) => events.waiting === 1)
    expect(b!.timers.waiting()).toEqual([]) // it was answered
    expect((await status(a.device)).leads).toBe(true)
  })

  test('waits until a round of the hidden one is over', async () => {
    const [a, b] = await openAll(1)
    await here.read(a.device, 10)
    a.hold()
    const round = a.device.contact()
    await until(a.device, ({ run }) => run.phase === 'training')
    await a.device.conditions(page('hidden'))
    await b!.device.conditions(page('visible'))
    await until(b!.device, () => b!.timers.waiting().length === 0) // it was answered: no
    expect((await status(a.device)).leads).toBe(true)
    a.letGo()
    await round
    expect((await status(b!.device)).rounds[0]).toMatchObject({ outcome: 'committed' })
  })

  test('leads after a second in place of one that sleeps, which finds out when it wakes', async () => {
    const [a, b] = await openAll(1)
    await here.read(b!.device, 10)
    a.sleep()
    await b!.device.conditions(page('visible'))
    b!.timers.pass(999)
    expect((await status(b!.device)).leads).toBe(false)
    b!.timers.pass(1)
    await until(b!.device, leads)
    await until(b!.device, ({ rounds }) => rounds.length === 1)
    a.wake()
    await until(a.device, (now) => !leads(now) && now.rounds.length === 1)
    b!.crash()
    await until(a.device, leads)
  })

  test('takes even what the sleeper was in the middle of', async () => {
    const [a, b] = await openAll(1)
    await here.read(a.device, 10)
    const asked = deferred<void>()
    here.server.before = (_, path) => {
      if (path === '/api/batches') asked.resolve()
      return undefined
    }
    const round = a.device.contact().catch((error) => error)
    await asked.promise
    a.sleep()
    await b!.device.conditions(page('visible'))
    b!.timers.pass(1000)
    await until(b!.device, ({ rounds }) => rounds[0]?.outcome === 'committed')
    a.wake()
    await round
    expect((await status(a.device)).rounds).toHaveLength(1)
  })

  test('a page that is frozen lets go of everything before', async () => {
    const [a, b] = await openAll(1)
    await a.device.conditions(page('frozen'))
    await until(b!.device, leads)
    await a.device.conditions(page('hidden'))
    b!.crash()
    await until(a.device, leads)
  })
})

describe('woken up', () => {
  test('a tab takes up what happened while it slept, and its timers fire once', async () => {
    const [a, b] = await openAll(1)
    await a.device.conditions(page('visible'))
    await b!.device.conditions(page('frozen'))
    b!.sleep()
    here.server.world = await createWorld({ version: 2 })
    here.clock.move(60_000)
    await a.device.contact()
    a.timers.pass(600_000)
    expect(a.timers.waiting().filter((ms) => ms === 60_000)).toHaveLength(1)
    b!.wake()
    await b!.device.conditions(page('visible'))
    expect((await status(b!.device)).task?.version).toBe(2)
  })
})
