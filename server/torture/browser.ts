/** One simulated browser: its storage, locks and clock, and the tabs on which the real device runtime runs. */
import { RANKING } from '../../shared/tasks/manifest.ts'
import { createDevice, type Device } from '../../worker/device/device.ts'
import type { Platform } from '../../worker/platform.ts'
import { type EventsWatch, watchEvents } from './events-watch.ts'
import type { Faults } from './faults.ts'
import type { Fail } from './invariants.ts'
import { createSimLocks } from './locks.ts'
import { type ModelsWatch, watchModels } from './models-watch.ts'
import { createFetch, type Link } from './network.ts'
import { type SamplesWatch, watchSamples } from './samples-watch.ts'
import type { Owner, Schedule } from './schedule.ts'
import type { SimServer } from './server.ts'
import { createSimStorage, type SimStorage } from './storage.ts'
import { createSimTrainer } from './trainer.ts'

export interface Sim {
  readonly schedule: Schedule
  readonly faults: Faults
  readonly server: SimServer
  readonly fail: Fail
  /** What a test changes of the device, to see whether it is noticed. */
  readonly plant: Plant
}

/** A bug planted on purpose: another platform under the device, or another device on it. */
export interface Plant {
  readonly platform?: (platform: Platform) => Platform
  readonly device?: (device: Device, platform: Platform) => Device
}

export interface Tab extends Owner {
  readonly device: Device
  /** Since when it can be called; undefined until it has started. */
  started: boolean
}

export interface Browser {
  readonly name: string
  readonly tabs: readonly Tab[]
  readonly storage: SimStorage
  readonly link: Link
  readonly models: ModelsWatch
  readonly samples: SamplesWatch
  readonly events: EventsWatch
  /** A new tab; it starts by itself. */
  open(): Tab
  /** The tab ends in the middle of whatever it does. */
  kill(tab: Tab): void
  /** All tabs at once; in a power cut, also what was not synced. */
  killAll(power: boolean): void
  /** The user closes the tab, and the browser waits for it. */
  close(tab: Tab): Promise<void>
  /** Moves this machine's clock, in either direction. */
  moveClock(ms: number): void
  /** The line breaks, or is back. */
  setLink(state: Link['state']): void
}

export function createBrowser(sim: Sim, name: string): Browser {
  const { schedule, faults, server, fail, plant } = sim
  const { random } = schedule
  const locks = createSimLocks(schedule)
  const link: Link = { state: 'up' }
  const hearers = new Map<Tab, Set<() => void>>()
  const channel = new Map<Tab, Set<(message: unknown) => void>>()
  let tabs: Tab[] = []
  let made = 0
  let offset = 0

  const storage = createSimStorage(name, {
    schedule,
    faults,
    onCommit({ tables }) {
      events.committed(tables)
      if (tables.has('models') || tables.has('blobs')) models.committed()
      samples.committed(tables)
    },
    onCrash(kind, tab) {
      const dying = tabs.find((one) => one === tab)
      if (kind !== 'tab-crash') killAll(kind === 'power-cut')
      else if (dying) kill(dying)
    },
    onEvicted(table) {
      events.evicted(table)
      models.missing()
      samples.reset()
    },
  })
  const models = watchModels(storage, server.releases, schedule.now, fail)
  const samples = watchSamples(storage, schedule.now, fail)
  const events = watchEvents(storage, server, fail)
  models.onCommit = samples.used

  function platformOf(tab: Tab): Platform {
    const hear = new Set<() => void>()
    const heard = new Set<(message: unknown) => void>()
    hearers.set(tab, hear)
    channel.set(tab, heard)
    return {
      clock: {
        now() {
          samples.looked(schedule.now() + offset)
          return schedule.now() + offset
        },
      },
      fetch: createFetch({ schedule, faults, server, onArtifact: models.arrived }, link, tab),
      storage: storage.forTab(tab),
      locks: locks.forTab(tab),
      tabs: {
        post(message) {
          for (const other of tabs)
            if (other !== tab)
              for (const listener of channel.get(other)!)
                schedule.at(random.below(3), other, '', () => listener(structuredClone(message)))
        },
        onMessage(listener) {
          heard.add(listener)
          return () => void heard.delete(listener)
        },
      },
      facts: () => ({ platform: 'simulated' }),
      agent: { browser: 'simulated', engines: '1' },
      network: {
        online: () => link.state !== 'down',
        onChange(listener) {
          hear.add(listener)
          return () => void hear.delete(listener)
        },
      },
      after: (ms, work) => schedule.at(ms, tab, '', work),
      spawnTrainer: () =>
        createSimTrainer(
          {
            schedule,
            faults,
            events: {
              asked(_, job) {
                models.asked()
                samples.asked(job)
              },
              told(_, job, { effects }) {
                const model = effects.models[RANKING]
                if (model) models.trained(model)
                samples.told(job, effects)
              },
            },
          },
          tab,
        ),
      seed: () => random.below(2 ** 32),
    }
  }

  function end(tab: Tab): void {
    tab.state = 'dead'
    tabs = tabs.filter((other) => other !== tab)
    storage.drop(tab)
    locks.drop(tab)
  }

  function kill(tab: Tab): void {
    schedule.trace(`${tab.name} dies`)
    end(tab)
  }
  function killAll(power: boolean): void {
    schedule.trace(power ? `the power of ${name} is cut` : `${name} is killed`)
    for (const tab of [...tabs]) end(tab)
    if (power) storage.cutPower()
  }

  return {
    name,
    get tabs() {
      return tabs
    },
    storage,
    link,
    models,
    samples,
    events,

    open() {
      const tab = { name: `${name}/${++made}`, state: 'live', started: false } as Tab
      tabs.push(tab)
      schedule.enter(tab)
      const real = platformOf(tab)
      const platform = plant.platform?.(real) ?? real
      const device = createDevice(platform)
      Object.assign(tab, { device: plant.device?.(device, platform) ?? device })
      schedule.trace('opens')
      void tab.device.start().then(() => {
        tab.started = true
        schedule.trace('has started')
      })
      return tab
    },

    kill,
    killAll,

    async close(tab) {
      schedule.enter(tab)
      schedule.trace('is to be closed')
      await tab.device.stop()
      schedule.trace('is closed')
      end(tab)
    },

    moveClock(ms) {
      offset += ms
      schedule.trace(`the clock of ${name} moves by ${Math.round(ms / 1000)} s`)
    },

    setLink(state) {
      if (link.state === state) return
      link.state = state
      schedule.trace(`${name} is ${state}`)
      for (const tab of tabs)
        for (const listener of hearers.get(tab)!) schedule.at(random.below(50), tab, '', listener)
    },
  }
}
