/**
 * Who may say what to devices: secret keys, each in a file that only its owner reads, and the roots that name the public ones. The keys of
 * the root lie in a folder `offline`, to be taken away; the approver's may be, too.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { ed25519, fromHex, toHex } from '../../shared/trust/ed25519.ts'
import { envelopeSchema, type Role, type Root, rootSchema } from '../../shared/trust/metadata.ts'
import { sign } from '../../shared/trust/sign.ts'
import { othersMayRead, replaceFile } from '../cloud/files.ts'

const YEAR = 365 * 86_400_000
const FOLDERS = { offline: 'offline', metadata: 'metadata' } as const
const NEXT = '.next'

const keyFileSchema = z.strictObject({
  role: z.enum(['root', 'targets', 'snapshot']),
  public: z.string().regex(/^[0-9a-f]{64}$/),
  secret: z.string().regex(/^[0-9a-f]{64}$/),
})
type Key = z.infer<typeof keyFileSchema>

/** What can be signed here, and what counts. */
export interface Keyring {
  /** The newest root, and all of them from the first on, as they were signed. */
  readonly root: Root
  readonly roots: readonly Uint8Array<ArrayBuffer>[]
  /** Secrets (hex) of a role that are here and count; none where they were taken away. */
  secrets(role: Role): readonly string[]
}

export interface InitOptions {
  /** Keys that the root has, and how many of them must sign. */
  readonly keys?: number
  readonly threshold?: number
  readonly clock?: Clock
}

const pathOf = (folder: string, role: Role, n = 1): string =>
  role === 'root' ? join(folder, FOLDERS.offline, `root-${n}.json`) : join(folder, `${role}.json`)

export const rootPath = (folder: string, version: number): string =>
  join(folder, FOLDERS.metadata, `${version}.root.json`)

/** Makes all keys and the first root. Throws `bad-input` where there are keys already. */
export async function initKeys(folder: string, options: InitOptions = {}): Promise<Keyring> {
  const { keys = 1, threshold = Math.ceil(keys / 2), clock = systemClock } = options
  if (existsSync(join(folder, FOLDERS.metadata)))
    throw new AppError('bad-input', `There are keys in ${folder} already.`)
  for (const name of ['', ...Object.values(FOLDERS)]) makePrivate(join(folder, name))
  const roots = await Promise.all(Array.from({ length: keys }, () => newKey('root')))
  const [targets, snapshot] = [await newKey('targets'), await newKey('snapshot')]
  for (const [i, key] of roots.entries()) writeKey(pathOf(folder, 'root', i + 1), key)
  for (const key of [targets, snapshot]) writeKey(pathOf(folder, key.role), key)
  const root: Root = {
    type: 'root',
    version: 1,
    expires: clock.now() + YEAR,
    roles: {
      root: { keys: roots.map((key) => key.public), threshold },
      targets: { keys: [targets.public], threshold: 1 },
      snapshot: { keys: [snapshot.public], threshold: 1 },
    },
  }
  await writeRoot(folder, root, roots)
  return readKeys(folder)
}

/** Throws `not-ready` where there are no keys, `storage` for a secret that others can read. */
export async function readKeys(folder: string): Promise<Keyring> {
  const roots = rootsIn(folder)
  const newest = roots.at(-1)
  if (!newest) throw new AppError('not-ready', `There are no keys in ${folder} yet.`)
  const root = rootOf(newest)
  settle(folder, root)
  const here = keysIn(folder)
  return {
    root,
    roots,
    secrets: (role) =>
      here
        .filter((key) => key.role === role && root.roles[role].keys.includes(key.public))
        .map(({ secret }) => secret),
  }
}

/**
 * A new key in the place of a role's (of the root's, of its `n`th), by a new root, which old keys and new ones sign; without a role only the
 * root's time is renewed. The old secret is removed: what it signs counts no more. Throws `not-ready` unless enough keys of the root are here.
 */
export async function rotate(
  folder: string,
  role: Role | null,
  clock: Clock = systemClock,
  n = 1,
): Promise<Keyring> {
  const { root } = await readKeys(folder)
  const here = keysIn(folder).filter((key) => key.role === 'root')
  const path = role && pathOf(folder, role, n)
  if (path && role === 'root' && !existsSync(path)) throw new AppError('not-ready', `${path} is not here.`)
  const old = path && existsSync(path) ? readKey(path).public : undefined
  const fresh = role && (await newKey(role))
  const next: Root = { ...root, version: root.version + 1, expires: clock.now() + YEAR }
  if (path && fresh) {
    const { keys, threshold } = root.roles[role]
    const kept = role === 'root' ? keys.filter((key) => key !== old) : []
    next.roles = { ...root.roles, [role]: { keys: [...kept, fresh.public], threshold } }
    writeKey(`${path}${NEXT}`, fresh)
  }
  await writeRoot(folder, next, fresh?.role === 'root' ? [...here, fresh] : here, root)
  // Whoever read the keys before the root was there has removed the new one.
  if (path && fresh) writeKey(path, fresh)
  return readKeys(folder)
}

/**
 * A key that was made for a root which never came to be is removed; one whose root is there takes its place. Several processes may see to
 * it at the same time.
 */
function settle(folder: string, root: Root): void {
  for (const path of filesIn(folder).filter((name) => name.endsWith(NEXT)))
    try {
      const key = readKey(path)
      if (root.roles[key.role].keys.includes(key.public)) renameSync(path, path.slice(0, -NEXT.length))
      else rmSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
}

async function writeRoot(folder: string, root: Root, by: readonly Key[], before?: Root): Promise<void> {
  parse(rootSchema, root, 'The root')
  for (const { keys, threshold } of [root.roles.root, ...(before ? [before.roles.root] : [])]) {
    const count = by.filter((key) => keys.includes(key.public)).length
    if (count < threshold)
      throw new AppError(
        'not-ready',
        `${count} of the ${threshold} keys of the root are in ${join(folder, FOLDERS.offline)}.`,
      )
  }
  const bytes = await sign(
    root,
    by.map(({ secret }) => secret),
    await ed25519(),
  )
  const path = rootPath(folder, root.version)
  replaceFile(path, (beside) => writeFileSync(beside, bytes))
}

function rootsIn(folder: string): Uint8Array<ArrayBuffer>[] {
  const found: Uint8Array<ArrayBuffer>[] = []
  for (let version = 1; ; version++) {
    const path = rootPath(folder, version)
    if (!existsSync(path)) return found
    found.push(new Uint8Array(readFileSync(path)))
  }
}

export function rootOf(bytes: Uint8Array): Root {
  const { signed } = parse(envelopeSchema, JSON.parse(new TextDecoder().decode(bytes)), 'The root')
  return parse(rootSchema, signed, 'The root')
}

const keysIn = (folder: string): Key[] =>
  filesIn(folder)
    .filter((name) => name.endsWith('.json'))
    .map(readKey)

const filesIn = (folder: string): string[] =>
  [folder, join(folder, FOLDERS.offline)].flatMap((at) =>
    existsSync(at)
      ? readdirSync(at, { withFileTypes: true })
          .filter((one) => one.isFile() && !one.name.endsWith('.part'))
          .map(({ name }) => join(at, name))
      : [],
  )

function readKey(path: string): Key {
  if (othersMayRead(path))
    throw new AppError('storage', `${path} can be read by others: chmod 600 it, or rotate the key.`)
  return parse(keyFileSchema, JSON.parse(readFileSync(path, 'utf8')), path)
}

function writeKey(path: string, key: Key): void {
  replaceFile(path, (beside) => writeFileSync(beside, `${JSON.stringify(key)}\n`, { mode: 0o600 }))
}

async function newKey(role: Role): Promise<Key> {
  const secret = randomBytes(32).toString('hex')
  return { role, public: toHex(await (await ed25519()).publicKey(fromHex(secret))), secret }
}

function makePrivate(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
}
