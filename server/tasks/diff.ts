/** What is different between two versions of a task. */
import type { TaskManifest } from '../../shared/tasks/manifest.ts'
import type { Task } from './repository.ts'

export interface TaskDiff {
  /** Values of the manifest by their path (`hyper.ranking.epochs`); undefined where there is none. Hashes are left out. */
  readonly manifest: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[]
  /** Lines of the script; nothing where it is the same. */
  readonly script: readonly Line[]
  readonly model: 'same' | 'added' | 'removed' | 'changed'
}

/** One line of a script, and what became of it. */
export interface Line {
  readonly change: 'same' | 'added' | 'removed'
  readonly text: string
}

/** Lines that changed, and so many around them. */
const AROUND = 3
/** Changed lines beyond which all of the old ones are shown as removed and all of the new ones as added. */
const MOST = 500

export function diffTasks(before: Task, after: Task): TaskDiff {
  const [old, now] = [flatten(plain(before.manifest)), flatten(plain(after.manifest))]
  const [hash, newHash] = [before.manifest.model?.sha256, after.manifest.model?.sha256]
  return {
    manifest: [...new Set([...old.keys(), ...now.keys()])]
      .filter((path) => old.get(path) !== now.get(path))
      .sort()
      .map((path) => ({ path, before: unpack(old.get(path)), after: unpack(now.get(path)) })),
    script: diffLines(textOf(before.files.script), textOf(after.files.script)),
    model:
      hash === newHash
        ? 'same'
        : hash === undefined
          ? 'added'
          : newHash === undefined
            ? 'removed'
            : 'changed',
  }
}

/** The fewest lines removed and added (Myers 1986, the greedy algorithm), with some around; nothing where all is the same. */
export function diffLines(before: string, after: string): Line[] {
  const [old, now] = [before.split('\n'), after.split('\n')]
  return excerpt(editsOf(old, now))
}

function editsOf(old: readonly string[], now: readonly string[]): Line[] {
  /** How far each diagonal x − y was come along, after so many changes. */
  const history: Map<number, number>[] = []
  let reach = new Map([[1, 0]])
  for (let changes = 0; changes <= Math.min(old.length + now.length, MOST); changes++) {
    history.push(reach)
    const next = new Map(reach)
    for (let k = -changes; k <= changes; k += 2) {
      let x = startOn(reach, k, changes)
      while (x < old.length && x - k < now.length && old[x] === now[x - k]) x++
      next.set(k, x)
      if (x >= old.length && x - k >= now.length) return trace(history, old, now)
    }
    reach = next
  }
  return [...lines('removed', old), ...lines('added', now)]
}

/** Whether the way to the diagonal `k` adds a line, from the diagonal above; else it removes one, from that below. */
const adds = (reach: ReadonlyMap<number, number>, k: number, changes: number): boolean =>
  k === -changes || (k !== changes && reach.get(k - 1)! < reach.get(k + 1)!)

const startOn = (reach: ReadonlyMap<number, number>, k: number, changes: number): number =>
  adds(reach, k, changes) ? reach.get(k + 1)! : reach.get(k - 1)! + 1

/** The way that was gone, from its end. */
function trace(
  history: readonly Map<number, number>[],
  old: readonly string[],
  now: readonly string[],
): Line[] {
  const found: Line[] = []
  let [x, y] = [old.length, now.length]
  for (let changes = history.length - 1; changes >= 0; changes--) {
    const [reach, k] = [history[changes]!, x - y]
    for (const start = startOn(reach, k, changes); x > start; y--)
      found.push({ change: 'same', text: old[--x]! })
    if (changes === 0) break
    found.push(
      adds(reach, k, changes) ? { change: 'added', text: now[--y]! } : { change: 'removed', text: old[--x]! },
    )
  }
  return found.reverse()
}

const lines = (change: Line['change'], texts: readonly string[]): Line[] =>
  texts.map((text) => ({ change, text }))

function excerpt(edits: readonly Line[]): Line[] {
  const near = new Set<number>()
  for (const [i, { change }] of edits.entries())
    if (change !== 'same') for (let at = i - AROUND; at <= i + AROUND; at++) near.add(at)
  return edits.filter((_, i) => near.has(i))
}

function plain({ script, model, ...manifest }: TaskManifest): unknown {
  return manifest
}

/** Leaves by their paths, as JSON. */
function flatten(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0)
    into.set(path, JSON.stringify(value))
  else for (const [key, one] of Object.entries(value)) flatten(one, path ? `${path}.${key}` : key, into)
  return into
}

const unpack = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json))
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
