/** Everything about tasks in one data folder: their versions, what of them is approved, who gets what, and what is delivered. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import { type Active, isRunning } from '../../shared/release/releases.ts'
import type { Manifest } from '../../shared/task.ts'
import { MAX_ROOTS } from '../../shared/tasks/contact.ts'
import { manifestBytes, type TaskDraft, type TaskFiles } from '../../shared/tasks/manifest.ts'
import type { List } from '../../shared/trust/metadata.ts'
import { type Artifact, readArtifact, writeArtifact } from '../cloud/release.ts'
import type { Store } from '../store/store.ts'
import type { By } from './by.ts'
import { type Delivery, openDelivery } from './delivery.ts'
import { initKeys, type Keyring, readKeys, rootPath } from './keys.ts'
import { pruneArtifacts } from './prune.ts'
import { openReleases, type Releases } from './releases.ts'
import { openRepository, type Repository, type Version } from './repository.ts'
import { checkScript } from './script.ts'

export interface Tasks {
  readonly repository: Repository
  readonly releases: Releases
  readonly delivery: Delivery
  /** The next version of a task. Throws `bad-input`, with what is wrong and where, for what no device could run. */
  submit(draft: TaskDraft, files: TaskFiles, by: By): Promise<Version>
  /** Puts a version's files where devices can fetch them, and signs that they may be delivered. */
  approve(task: string, version: number, by: By): Promise<void>
  /** Throws `bad-input` while a release or an experiment has the version. */
  withdraw(task: string, version: number, by: By): Promise<void>
  /** What a device gets that says this of itself: a signed snapshot and the list that it names. */
  contact(device: DeviceInfo): Promise<Contact & { readonly active: readonly Active[] }>
  /** The same for all devices and a static host, which has the rules and not what follows; it counts for `lifeMs`. */
  rules(lifeMs: number): Promise<Contact>
  /** Manifests, scripts, models and targets, by SHA-256. */
  artifact(sha256: string): Promise<Artifact | undefined>
  /** As it was signed; undefined where there is none of that version. */
  root(version: number): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** Those that follow a version, as many as a device follows at one time. */
  rootsAfter(version: number): Promise<readonly Uint8Array<ArrayBuffer>[]>
  newestRoot(): Promise<number>
  /** Removes the files of what has not been approved for a month; tells how many. */
  prune(): Promise<number>
  close(): Promise<void>
}

export interface Contact {
  readonly snapshot: Uint8Array<ArrayBuffer>
  readonly list: Uint8Array<ArrayBuffer>
  /** ms */
  readonly expires: number
}

export interface TasksOptions {
  /** A folder of its own; made, with keys, if it is not there. */
  readonly folder: string
  readonly store: Pick<Store, 'ledger' | 'deviceFacts'>
  /** The manifest of the data that devices are given besides; by default there are none. */
  data?(): Promise<Manifest | undefined>
  readonly clock?: Clock
}

/** Throws `storage` if another process has the folder open. */
export async function openTasks({
  folder,
  store,
  data = async () => undefined,
  clock = systemClock,
}: TasksOptions): Promise<Tasks> {
  const repository = await openRepository(folder, { clock })
  try {
    const secrets = join(folder, 'keys')
    let ring = existsSync(secrets) ? await readKeys(secrets) : await initKeys(secrets, { clock })
    const keys = async (): Promise<Keyring> => {
      if (existsSync(rootPath(secrets, ring.root.version + 1))) ring = await readKeys(secrets)
      return ring
    }
    const put = (targets: Uint8Array) => void writeArtifact(folder, targets)
    const delivery = openDelivery({ folder: join(secrets, 'metadata'), keys, put, clock })
    const releases = await openReleases({ store, manifestOf: delivery.manifestOf, clock })
    return bind({ folder, store, data, clock, repository, keys, delivery, releases })
  } catch (error) {
    await repository.close()
    throw error
  }
}

interface Parts extends Required<TasksOptions>, Pick<Tasks, 'repository' | 'delivery' | 'releases'> {
  keys(): Promise<Keyring>
}

const bind = ({ folder, store, data, clock, repository, keys, delivery, releases }: Parts): Tasks => ({
  repository,
  releases,
  delivery,

  async submit(draft, files, by) {
    await checkScript(files.script)
    return repository.submit(draft, files, by)
  },

  async approve(task, version, by) {
    const { manifest, files } = await repository.read(task, version)
    const { sha256 } = writeArtifact(folder, manifestBytes(manifest))
    for (const bytes of [files.script, files.model]) if (bytes) writeArtifact(folder, bytes)
    const note = { type: 'approve', task, version, manifest: sha256 } as const
    await delivery.approve(manifest, () => releases.note(note, by))
  },

  async withdraw(task, version, by) {
    const { releases: all, experiments } = releases.board()
    const released = all.find(
      (one) => one.task === task && one.version === version && one.revoked === undefined,
    )
    if (released)
      throw new AppError('bad-input', `Release ${released.id} has ${task} v${version}: revoke it first.`)
    const tried = experiments.find(
      (one) =>
        one.task === task &&
        isRunning({ ...one, from: 0 }, clock.now()) &&
        one.arms.some((arm) => arm.task?.version === version),
    )
    if (tried)
      throw new AppError('bad-input', `Experiment ${tried.id} has ${task} v${version}: end it first.`)
    const manifest = await delivery.manifestOf(task, version)
    const note = { type: 'withdraw', task, version, manifest } as const
    await delivery.withdraw(task, version, () => releases.note(note, by))
  },

  async contact(device) {
    const { list, since } = releases.activeFor(device)
    const { tasks, arms } = list
    const given = Object.fromEntries(tasks.map(({ task, version }) => [task, version]))
    await store.deviceFacts.put(device, given)
    const listed: List = { kind: 'device', device: device.id, tasks: [...tasks], arms: [...arms] }
    return { ...(await delivery.snapshot(listed, { since, data: await data() })), active: tasks }
  },

  rules: (lifeMs) => rulesOf({ releases, delivery, data }, lifeMs),

  artifact: (sha256) => readArtifact(folder, sha256),
  root: async (version) => (await keys()).roots[version - 1],
  rootsAfter: async (version) => (await keys()).roots.slice(version, version + MAX_ROOTS),
  newestRoot: async () => (await keys()).root.version,
  prune: () => pruneArtifacts(folder, delivery.targets(), clock.now()),
  close: () => repository.close(),
})

/** The list of rules, and a snapshot that names it. */
export async function rulesOf(
  { releases, delivery, data }: Pick<Parts, 'releases' | 'delivery' | 'data'>,
  lifeMs: number,
): Promise<Contact> {
  const changes = (await releases.audit()).map(({ n, at, change }) => ({ n, at, change }))
  const since = releases.board().at
  return delivery.snapshot({ kind: 'rules', changes }, { since, data: await data(), lifeMs })
}
