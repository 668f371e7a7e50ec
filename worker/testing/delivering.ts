/** The server's side of tasks in memory: what is released to everybody, approved and signed by real keys. */
import type { ActiveAnswer, ActiveRequest } from '../../shared/api.ts'
import { sha256 } from '../../shared/hash.ts'
import type { Active } from '../../shared/release/releases.ts'
import { dataBytes, type Manifest } from '../../shared/task.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { manifestBytes } from '../../shared/tasks/manifest.ts'
import { ed25519, fromHex, toHex } from '../../shared/trust/ed25519.ts'
import type { List, Role, Root, Snapshot, Targets } from '../../shared/trust/metadata.ts'
import { fileOf, listBytes, sign } from '../../shared/trust/sign.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Longer than any test: one that is about time says when. */
const LATER = Date.UTC(2200, 0, 1)
/** Of whom is trusted by who begins: `server` 2 is a thief's. */
const secretOf = (role: Role, server: number) =>
  `${server}${['root', 'targets', 'snapshot'].indexOf(role)}`.repeat(32)
const roots = new Map<number, Promise<Bytes>>()

/** The only root of a server; the same for all in this process. */
function rootOf(server: number): Promise<Bytes> {
  const made = roots.get(server) ?? makeRoot(server)
  roots.set(server, made)
  return made
}

async function makeRoot(server: number): Promise<Bytes> {
  const by = await ed25519()
  const roleOf = async (role: Role) => ({
    keys: [toHex(await by.publicKey(fromHex(secretOf(role, server))))],
    threshold: 1,
  })
  const root: Root = {
    type: 'root',
    version: 1,
    expires: LATER,
    roles: {
      root: await roleOf('root'),
      targets: await roleOf('targets'),
      snapshot: await roleOf('snapshot'),
    },
  }
  return sign(root, [secretOf('root', server)], by)
}

/** The data that are deployed now. */
type Data = () => Manifest | undefined | Promise<Manifest | undefined>

/** What devices are told, and how they are lied to. */
export class Delivering {
  /** Approved, ever. */
  private readonly approved: Delivered[] = []
  /** Active for every device. */
  private active: readonly Delivered[] = []
  private version = 0
  /** When snapshots expire, ms. */
  expires = LATER
  /** Whose keys sign. */
  server = 1
  arms: readonly { readonly experiment: number; readonly arm: string }[] = []
  /** Whether an answer brings small artifacts along. */
  brings = true
  private readonly data: Data

  constructor(data: Data, tasks: readonly Delivered[] = []) {
    this.data = data
    this.release(tasks)
  }

  /** Everybody has these from now on, and no others. */
  release(tasks: readonly Delivered[]): void {
    const known = (one: Delivered) => this.approved.some(({ manifest }) => isSame(manifest, one.manifest))
    this.approved.push(...tasks.filter((one) => !known(one)))
    this.active = tasks
    this.version++
  }

  async answer(
    device: string,
    { root, have = [] }: ActiveRequest,
  ): Promise<{ answer: ActiveAnswer; etag: string }> {
    const { snapshot, list } = await this.contact({ id: device })
    const along = this.brings ? [await this.targets(), ...this.files()] : []
    const texts: string[] = []
    for (const bytes of along) if (!have.includes(await sha256(bytes))) texts.push(textOf(bytes))
    const answer = {
      snapshot: textOf(snapshot),
      list: textOf(list),
      roots: (await this.rootsAfter(root ?? 0)).map(textOf),
      artifacts: texts,
    }
    return { answer, etag: `"${await sha256(snapshot)}"` }
  }

  /** As `Tasks` of the server has it. */
  async contact(device: { readonly id: string }) {
    const active: Active[] = await Promise.all(
      this.active.map(async ({ manifest }) => ({
        task: manifest.name,
        version: manifest.version,
        manifest: await sha256(manifestBytes(manifest)),
      })),
    )
    const listed: List = { kind: 'device', device: device.id, tasks: active, arms: [...this.arms] }
    const list = listBytes(listed)
    const data = await this.data()
    const snapshot: Snapshot = {
      type: 'snapshot',
      version: this.version,
      expires: this.expires,
      targets: { version: this.version, ...(await fileOf(await this.targets())) },
      list: await fileOf(list),
      ...(data && { data: { version: data.version, ...(await fileOf(dataBytes(data))) } }),
    }
    return { snapshot: await this.signed(snapshot, 'snapshot'), list, active, expires: this.expires }
  }

  rootsAfter = async (version: number): Promise<Bytes[]> => (version === 0 ? [await rootOf(this.server)] : [])
  newestRoot = async (): Promise<number> => 1
  root = async (version: number): Promise<Bytes | undefined> =>
    version === 1 ? rootOf(this.server) : undefined

  async artifact(name: string): Promise<Bytes | undefined> {
    for (const bytes of [await this.targets(), ...this.files(), ...this.models()])
      if ((await sha256(bytes)) === name) return bytes
    return undefined
  }

  private async targets(): Promise<Bytes> {
    const targets: Targets = {
      type: 'targets',
      version: this.version,
      expires: LATER,
      tasks: await Promise.all(
        this.approved.map(async ({ manifest }) => ({
          task: manifest.name,
          version: manifest.version,
          manifest: await fileOf(manifestBytes(manifest)),
        })),
      ),
    }
    return this.signed(targets, 'targets')
  }

  private files(): Bytes[] {
    return this.active.flatMap(({ manifest, files }) => [manifestBytes(manifest), files.script])
  }

  private models(): Bytes[] {
    return this.approved.flatMap(({ files }) => files.model ?? [])
  }

  /** Most contacts are told what was told before. */
  private readonly signatures = new Map<string, Promise<Bytes>>()

  private signed(document: Targets | Snapshot, role: Role): Promise<Bytes> {
    const key = JSON.stringify([this.server, document])
    const by = async () => sign(document, [secretOf(role, this.server)], await ed25519())
    const made = this.signatures.get(key) ?? by()
    this.signatures.set(key, made)
    return made
  }
}

const isSame = (one: Delivered['manifest'], other: Delivered['manifest']): boolean =>
  one.name === other.name && one.version === other.version

const textOf = (bytes: Bytes): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
