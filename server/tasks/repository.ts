/**
 * Versions of tasks, in an ordinary bare Git repository: a commit on `main` is one version of one task, whose three files lie in a
 * folder of its name. History is never rewritten, and whoever kills the process leaves a repository that Git accepts.
 */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import git from 'isomorphic-git'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import {
  checkFiles,
  manifestBytes,
  readManifest,
  sealTask,
  type TaskDraft,
  type TaskFiles,
  type TaskManifest,
} from '../../shared/tasks/manifest.ts'
import { createTurns } from '../cloud/turns.ts'
import { lockFolder } from '../store/lock.ts'
import { type By, checkBy } from './by.ts'
import { durableFiles, makeFolder, type Steps, syncFolder } from './durable.ts'

const BRANCH = 'refs/heads/main'
const FILES = { manifest: 'task.json', script: 'script.js', model: 'model.safetensors' } as const

/** One version of one task: what was done, by whom, when and why. */
export interface Version {
  readonly name: string
  readonly version: number
  /** SHA-1 of the commit. */
  readonly commit: string
  readonly who: string
  readonly why: string
  /** ms, to the second. */
  readonly at: number
  /** The earlier version that it has the files of. */
  readonly restores?: number
}

export interface Task {
  readonly manifest: TaskManifest
  readonly files: TaskFiles
}

export interface Repository {
  /**
   * The draft's next version, on disk. Throws `bad-input` for what does not fit, or is what the newest version is already.
   */
  submit(draft: TaskDraft, files: TaskFiles, by: By): Promise<Version>
  /** An earlier version's files as the next version. */
  restore(name: string, version: number, by: By): Promise<Version>
  /** The newest first, of one task or all. */
  log(name?: string): Promise<Version[]>
  /** Throws `bad-input` where there is no such version, `bad-artifact` where it is damaged. */
  read(name: string, version: number): Promise<Task>
  close(): Promise<void>
}

export interface RepositoryOptions {
  readonly clock?: Clock
  /** How files come onto the disk. */
  readonly steps?: Steps
}

/** Opens, or makes, the repository `history.git` in `folder`. Throws `storage` if another process has it open. */
export async function openRepository(folder: string, options: RepositoryOptions = {}): Promise<Repository> {
  const { clock = systemClock } = options
  await makeFolder(folder)
  const unlock = await lockFolder(folder)
  const gitdir = join(folder, 'history.git')
  const parts = join(folder, 'parts')
  const fs = durableFiles(parts, options.steps)
  try {
    await rm(parts, { recursive: true, force: true })
    await makeFolder(parts)
    if (!existsSync(gitdir)) await initialise(join(parts, 'history.git'), gitdir, fs)
  } catch (error) {
    await unlock()
    throw error
  }
  const at = { fs, gitdir }
  const turns = createTurns()
  /** All versions up to the commit `head`, the oldest first. */
  let known: { head: string | undefined; versions: readonly Version[] } = { head: undefined, versions: [] }

  async function versions(): Promise<readonly Version[]> {
    const head = await headOf()
    if (head !== known.head) known = { head, versions: head === undefined ? [] : await walk(head) }
    return known.versions
  }

  const headOf = () => git.resolveRef({ ...at, ref: BRANCH }).catch(missing)

  /** From the first commit to this one. */
  async function walk(head: string): Promise<Version[]> {
    const commits = (await git.log({ ...at, ref: head })).reverse()
    const found: Version[] = []
    let before = new Map<string, string>()
    for (const { oid, commit } of commits) {
      const now = await foldersOf(commit.tree)
      for (const [name, tree] of now)
        if (before.get(name) !== tree) {
          const { version } = readManifest(await blob(tree, FILES.manifest), `${name} in commit ${oid}`)
          found.push({ name, version, commit: oid, ...saidIn(commit) })
        }
      before = now
    }
    return found
  }

  async function foldersOf(oid: string): Promise<Map<string, string>> {
    const { tree } = await git.readTree({ ...at, oid })
    return new Map(tree.filter(({ type }) => type === 'tree').map(({ path, oid }) => [path, oid]))
  }

  async function blob(tree: string, filepath: string): Promise<Uint8Array<ArrayBuffer>> {
    const found = await git.readBlob({ ...at, oid: tree, filepath })
    return new Uint8Array(found.blob)
  }

  async function find(name: string, version: number): Promise<Version> {
    const found = (await versions()).findLast((one) => one.name === name && one.version === version)
    if (!found) throw new AppError('bad-input', `There is no ${name} v${version}.`)
    return found
  }

  async function read(name: string, version: number): Promise<Task> {
    const { commit } = await find(name, version)
    try {
      const { tree } = (await git.readTree({ ...at, oid: commit, filepath: name })) as { tree: Tree }
      const has = (file: string) => tree.some(({ path }) => path === file)
      const file = (path: string) => blob(commit, `${name}/${path}`)
      const manifest = readManifest(await file(FILES.manifest))
      const files = {
        script: await file(FILES.script),
        ...(has(FILES.model) && { model: await file(FILES.model) }),
      }
      await checkFiles(manifest, files)
      return { manifest, files }
    } catch (cause) {
      throw new AppError('bad-artifact', `${name} v${version} is damaged in the repository.`, { cause })
    }
  }

  /** Objects first, then the commit, then the branch: until then nothing has happened. */
  async function commit(task: Task, by: By, restores?: number): Promise<Version> {
    const { name, version } = task.manifest
    const parent = await headOf()
    const tree = await git.writeTree({ ...at, tree: await filesOf(task) })
    const before = parent === undefined ? [] : (await git.readTree({ ...at, oid: parent })).tree
    const root = before.filter(({ path }) => path !== name)
    const now = Math.floor(clock.now() / 1000)
    const author = { name: by.who, email: 'operator@kindred.invalid', timestamp: now, timezoneOffset: 0 }
    const said = `${name} v${version}${restores === undefined ? '' : ` restores v${restores}`}`
    const oid = await git.writeCommit({
      ...at,
      commit: {
        message: `${said}\n\n${by.why}\n`,
        tree: await git.writeTree({
          ...at,
          tree: [...root, { mode: '040000', path: name, oid: tree, type: 'tree' }],
        }),
        parent: parent === undefined ? [] : [parent],
        author,
        committer: author,
      },
    })
    await git.writeRef({ ...at, ref: BRANCH, value: oid, force: true })
    return find(name, version)
  }

  async function filesOf({ manifest, files }: Task): Promise<Tree> {
    const entries: Tree = []
    const contents = { ...files, manifest: manifestBytes(manifest) }
    for (const [kind, bytes] of Object.entries(contents))
      if (bytes) {
        const oid = await git.writeBlob({ ...at, blob: bytes })
        entries.push({ mode: '100644', path: FILES[kind as keyof typeof FILES], oid, type: 'blob' })
      }
    return entries
  }

  async function next(draft: TaskDraft, files: TaskFiles, by: By, restores?: number): Promise<Version> {
    const newest = (await versions()).findLast(({ name }) => name === draft.name)
    const manifest = await sealTask(draft, (newest?.version ?? 0) + 1, files)
    if (newest && restores === undefined) {
      const latest = (await read(draft.name, newest.version)).manifest
      if (same(manifest, latest))
        throw new AppError('bad-input', `That is what ${draft.name} v${newest.version} is already.`)
    }
    return commit({ manifest, files }, by, restores)
  }

  return {
    submit: (draft, files, by) => turns.next(() => next(draft, files, checkBy(by))),
    restore: (name, version, by) =>
      turns.next(async () => {
        const { manifest, files } = await read(name, version)
        return next(draftOf(manifest), files, checkBy(by), version)
      }),
    log: async (name) =>
      (await versions()).filter((one) => name === undefined || one.name === name).reverse(),
    read,
    async close() {
      await turns.done()
      await unlock()
    },
  }
}

type Tree = { mode: string; path: string; oid: string; type: 'blob' | 'tree' | 'commit' }[]

/** A repository is made beside its place, and moved there when it is whole. */
async function initialise(
  beside: string,
  gitdir: string,
  fs: ReturnType<typeof durableFiles>,
): Promise<void> {
  await git.init({ fs, gitdir: beside, bare: true, defaultBranch: 'main' })
  await rename(beside, gitdir)
  await syncFolder(join(gitdir, '..'))
}

function missing(error: unknown): undefined {
  if (error instanceof git.Errors.NotFoundError) return undefined
  throw error
}

function saidIn({ message, author }: { message: string; author: { name: string; timestamp: number } }) {
  const [subject = '', , ...rest] = message.split('\n')
  const restored = / restores v(\d+)$/.exec(subject)?.[1]
  return {
    who: author.name,
    why: rest.join('\n').trimEnd(),
    at: author.timestamp * 1000,
    ...(restored !== undefined && { restores: Number(restored) }),
  }
}

function draftOf({ format, version, script, model, ...draft }: TaskManifest): TaskDraft {
  return draft
}

const same = (one: TaskManifest, other: TaskManifest): boolean =>
  JSON.stringify({ ...one, version: 0 }) === JSON.stringify({ ...other, version: 0 })
