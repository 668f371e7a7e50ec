/** For tests: devices that ask what is active for them, over lines on which anything may go wrong, and operators at random. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../shared/failure.ts'
import type { Random } from '../../shared/random.ts'
import type { Order } from '../../shared/release/changes.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import type { Rule } from '../../shared/release/rules.ts'
import { contact, fetchTask, type Reach } from '../../shared/tasks/contact.ts'
import { ed25519 } from '../../shared/trust/ed25519.ts'
import type { Trusted } from '../../shared/trust/verify.ts'
import { SNAPSHOT } from './publish.ts'
import type { Tasks } from './tasks.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A device: what it says of itself, what it trusts, and the versions that it has. */
export interface Held {
  readonly info: DeviceInfo
  /** By a static host, and not by the server. */
  readonly static: boolean
  trusted: Trusted
  tasks: Readonly<Record<string, { readonly version: number; readonly manifest: string }>>
}

export const versionsOf = ({ tasks }: Held): Record<string, number> =>
  Object.fromEntries(Object.entries(tasks).map(([name, { version }]) => [name, version]))

export function someDevice(random: Random, n: number): DeviceInfo {
  const one = <T>(...values: T[]) => values[random.below(values.length)]!
  const info = {
    id: `device-${n}`,
    app: one('1.4.0', '2.0.0', '2.1.3', undefined),
    platform: one('android', 'ios', 'windows'),
    country: one('DE', 'FR', 'BR', undefined),
    capabilities: one([], ['webgpu'], ['webgpu', 'background-sync']),
  }
  return JSON.parse(JSON.stringify(info))
}

/** One contact: afterwards it has what is listed and nothing else; where that fails, all is as it was. */
export async function visit(device: Held, reach: Reach, now: number): Promise<void> {
  const by = await ed25519()
  const { trusted, active } = await contact(device.trusted, reach, { device: device.info, now, ed25519: by })
  const tasks: Record<string, { version: number; manifest: string }> = {}
  for (const one of active.tasks) {
    const had = device.tasks[one.task]
    if (had?.manifest === one.manifest) tasks[one.task] = had
    else {
      const { manifest } = await fetchTask(trusted, one, reach)
      tasks[manifest.name] = { version: manifest.version, manifest: one.manifest }
    }
  }
  Object.assign(device, { trusted, tasks })
}

export const fromServer = (tasks: Tasks, device: DeviceInfo): Reach => ({
  now: () => tasks.contact(device),
  root: (version) => tasks.root(version),
  artifact: async (name) => new Uint8Array((await tasks.artifact(name))!.bytes),
})

export function fromFiles(folder: string): Reach {
  const bytes = (path: string) => new Uint8Array(readFileSync(join(folder, path)))
  return {
    now: async () => ({ snapshot: bytes(SNAPSHOT) }),
    root: async (version) =>
      existsSync(join(folder, `trust/${version}.root.json`))
        ? bytes(`trust/${version}.root.json`)
        : undefined,
    artifact: async (name) => bytes(`artifacts/${name}`),
  }
}

export const FAULTS = ['offline', 'cut', 'flipped', 'portal'] as const

/** The same, but the `n`th answer (counted from 0) does not come, or not as it was sent. */
export function faulty(reach: Reach, fault: (typeof FAULTS)[number], n: number, random: Random): Reach {
  let count = 0
  function spoilt(bytes: Bytes): Bytes {
    const at = random.below(bytes.length)
    if (fault === 'cut') return bytes.slice(0, at)
    if (fault === 'flipped') return bytes.with(at, bytes[at]! ^ (1 + random.below(255)))
    return new TextEncoder().encode('<html>Accept our terms</html>')
  }
  function mine(): boolean {
    const due = count++ === n
    if (due && fault === 'offline') throw new AppError('offline', 'The server cannot be reached.')
    return due
  }
  return {
    async now() {
      const due = mine()
      const come = await reach.now()
      if (!due || !come) return come
      return come.list && random.below(2)
        ? { ...come, list: spoilt(come.list) }
        : { ...come, snapshot: spoilt(come.snapshot) }
    },
    root: (version) => reach.root(version),
    async artifact(name, length) {
      const due = mine()
      const bytes = await reach.artifact(name, length)
      return due ? spoilt(bytes) : bytes
    },
  }
}

const TASKS = { rank: 4, filter: 3 } as const
type Name = keyof typeof TASKS
export const NAMES = Object.keys(TASKS) as Name[]
export const versionsIn = (name: Name): number => TASKS[name]

/** Something that an operator could want at `now`, sensible or not. */
export function someOrder(random: Random, tasks: Tasks, now: number): Order {
  const one = <T>(values: readonly T[]) => values[random.below(values.length)]!
  const { releases, experiments, killed } = tasks.releases.board()
  const task = one(NAMES)
  const version = () => 1 + random.below(TASKS[task])
  const release = releases.length > 0 ? one(releases.slice(-6)).id : 1
  const hour = 3_600_000
  const later = () => now + (1 + random.below(20)) * hour
  const share = random.below(101)
  const stages = random.below(2)
    ? [{ percent: share }]
    : [
        { at: now, percent: share / 2 },
        { at: later(), percent: share },
      ]
  const until = random.below(5) === 0 ? { until: now + (21 + random.below(20)) * hour } : {}
  const kinds: Record<string, () => Order> = {
    release: () => ({ type: 'release', task, version: version(), rule: someRule(random), stages, ...until }),
    everyone: () => ({
      type: 'release',
      task,
      version: version(),
      rule: { everyone: true },
      stages: [{ percent: 100 }],
    }),
    stages: () => ({ type: 'stages', release, stages: [{ percent: 100 }] }),
    pause: () => ({ type: 'pause', release }),
    resume: () => ({ type: 'resume', release }),
    revoke: () => ({ type: 'revoke', release }),
    kill: () => ({ type: 'kill', task }),
    revive: () => ({ type: 'revive', task }),
    end: () => ({ type: 'end', experiment: experiments.at(-1)?.id ?? 1 }),
    experiment: () => ({
      type: 'experiment',
      task,
      rule: someRule(random),
      seed: `seed ${random.below(1000)}`,
      holdout: 10,
      arms: [
        { name: 'control', task: null, percent: 30 },
        { name: 'new', task: { version: version() }, percent: 40 },
      ],
      ...(random.below(2) ? { until: later() } : {}),
    }),
  }
  // What is killed is mostly wanted back soon, or nothing would happen for most of the time.
  return killed.includes(task) && random.below(3) > 0
    ? { type: 'revive', task }
    : kinds[one(Object.keys(kinds))]!()
}

function someRule(random: Random): Rule {
  const rules: Rule[] = [
    { everyone: true },
    { country: ['DE', 'FR'] },
    { platform: ['android'] },
    { app: '>=2.0.0' },
    { capabilities: ['webgpu'] },
    { not: { country: ['DE'] } },
    { all: [{ platform: ['ios', 'android'] }, { not: { app: '>=2.0.0' } }] },
    { any: [{ devices: ['device-1', 'device-7'] }, { capabilities: ['webgpu', 'background-sync'] }] },
  ]
  return rules[random.below(rules.length)]!
}
