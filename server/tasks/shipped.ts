/** The tasks that ship with Kindred: in a new data folder they are released to everybody, and later they are the operator's. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import {
  manifestBytes,
  readDraft,
  sealTask,
  type TaskDraft,
  type TaskFiles,
} from '../../shared/tasks/manifest.ts'
import { keepApproved } from './approvals.ts'
import type { Tasks } from './tasks.ts'

const SHIPPED = resolve(import.meta.dirname, '../../dist/tasks')
const WHO = 'Kindred'

export interface ShippedOptions {
  /** A folder for each: `task.json`, `script.js`, `model.safetensors` if it has one. */
  readonly folder?: string
  /** Of Kindred. */
  readonly release?: string
  /** Hears what the operator should know. */
  readonly tell?: (sentence: string) => void
  readonly clock?: Clock
}

export interface Shipped {
  readonly draft: TaskDraft
  readonly files: TaskFiles
}

/**
 * Submits, approves and releases to everybody each shipped task that has no version yet. One that has been shipped differently before is
 * submitted as the next version, and `tell` hears how to approve and release it. What only the operator can do is told, too. Gives `tasks`.
 * Throws `not-ready` where the shipped tasks are not built.
 */
export async function ship(
  tasks: Tasks,
  { folder = SHIPPED, release = versionHere(), tell = () => {}, clock = systemClock }: ShippedOptions = {},
): Promise<Tasks> {
  const by = { who: WHO, why: `ships with Kindred ${release}` }
  for (const { draft, files } of shippedIn(folder)) {
    const { name } = draft
    try {
      const versions = await tasks.repository.log(name)
      if (versions.length === 0) await tasks.submit(draft, files, by)
      if (versions.length <= 1 && (await isFirstStep(tasks, name))) await releaseFirst(tasks, name, by)
      else if (await isNew(tasks, { draft, files })) {
        const { version } = await tasks.submit(draft, files, by)
        const [before, reason] = [version - 1, `--why "${by.why}"`]
        tell(
          `Kindred ${release} ships with another ${name}. It is ${name} v${version} now, which no device has before you say so: kindred task diff ${name} ${before} ${version}; kindred task approve ${name} ${version} ${reason}; kindred release add ${name} ${version} --percent 100 ${reason}`,
        )
      }
    } catch (error) {
      tell(sentenceOf(error, `The task ${name} that ships with Kindred is not released`))
    }
  }
  await keepApproved(tasks.delivery, { tell, clock })
  return tasks
}

/** Whether its only version came from us, and the ledger has yet to hear of its release: a process may have been killed before that. */
async function isFirstStep(tasks: Tasks, name: string): Promise<boolean> {
  const [first] = await tasks.repository.log(name)
  if (first?.version !== 1 || first.who !== WHO) return false
  const { releases, experiments } = tasks.releases.board()
  const used = [...releases, ...experiments].some(({ task }) => task === name)
  const entries = await tasks.releases.audit()
  return !used && !entries.some(({ change }) => change.type === 'withdraw' && change.task === name)
}

async function releaseFirst(tasks: Tasks, task: string, by: { who: string; why: string }): Promise<void> {
  const approved = tasks.delivery.targets()?.document.tasks.some((one) => one.task === task)
  if (!approved) await tasks.approve(task, 1, by)
  const everybody = { rule: { everyone: true as const }, stages: [{ percent: 100 }] }
  await tasks.releases.change({ type: 'release', task, version: 1, ...everybody }, by)
}

/** Whether it is neither what we shipped last nor what the newest version is. */
async function isNew(tasks: Tasks, { draft, files }: Shipped): Promise<boolean> {
  const versions = await tasks.repository.log(draft.name)
  const ours = versions.find(({ who, restores }) => who === WHO && restores === undefined)
  for (const one of [versions[0], ours]) {
    if (!one) continue
    const { manifest } = await tasks.repository.read(draft.name, one.version)
    const sealed = await sealTask(draft, one.version, files)
    if (Buffer.from(manifestBytes(sealed)).equals(manifestBytes(manifest))) return false
  }
  return true
}

/** As they are built. Throws `not-ready` where they are not. */
export function shippedIn(folder: string = SHIPPED): Shipped[] {
  const names = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []
  const folders = names.filter((one) => one.isDirectory()).map(({ name }) => join(folder, name))
  if (folders.length === 0)
    throw new AppError(
      'not-ready',
      `The tasks that ship with Kindred are not in ${folder}: npm run build:tasks`,
    )
  return folders.sort().map((path) => {
    const bytes = (name: string) => new Uint8Array(readFileSync(join(path, name)))
    const model = existsSync(join(path, 'model.safetensors')) ? bytes('model.safetensors') : undefined
    return {
      draft: readDraft(bytes('task.json'), join(path, 'task.json')),
      files: { script: bytes('script.js'), ...(model && { model }) },
    }
  })
}

function sentenceOf(error: unknown, what: string): string {
  if (!(error instanceof AppError)) throw error
  return `${what}: ${error.message}`
}

const versionHere = (): string =>
  (createRequire(import.meta.url)('../../package.json') as { version: string }).version
