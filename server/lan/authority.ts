/**
 * Who vouches for this machine in its local networks. A phone is asked to trust a root, whose key signs one issuer and is
 * then gone for good. The issuer's key is kept, to sign a server's certificate whenever its addresses change; both
 * certificates say which names and networks they may vouch for. So who steals that key can pass for machines of these
 * networks, to those who trust it, and for nobody else. That it is said in the issuer, too, is for those who do not look at what
 * stands in a root.
 */
import { createHash, createPrivateKey, generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import { type Clock, DAY_MS } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { othersMayRead } from '../cloud/files.ts'
import type { LanAddress } from './addresses.ts'
import { makeCertificate, permittedBy, type Signer } from './certificate.ts'

const AUTHORITY_DAYS = 3650
/** iOS takes 825 at most, and browsers 398 from authorities that are not one's own. */
const SERVER_DAYS = 90
/** So long before its end something new is made. */
const SPARE_DAYS = 30
/** A phone's clock may be slow. */
const SLACK_DAYS = 1

export interface Authority {
  /** What a device is to trust. */
  readonly root: X509Certificate
  /** Names and networks that it may vouch for. */
  readonly permitted: readonly string[]
  /** Where its key is. */
  readonly folder: string
  readonly issuer: Signer
}

/** What a server shows, in PEM. Its key is on no disk. */
export interface Shown {
  readonly cert: string
  readonly key: string
  /** When another one is due, ms since the Unix epoch. */
  readonly due: number
}

/** `studio` of `studio.fritz.box`, as other machines may call it: `studio.local`. */
export function localName(hostname: string): string {
  const [label = ''] = hostname.toLowerCase().split('.')
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label) ? `${label}.local` : 'kindred.local'
}

/**
 * The authority in `folder` that can vouch for `name` and all `addresses`, made where there is none: who comes home finds the one
 * of home again. Throws `bad-input` for a key that cannot be read, is none, or can be read by others.
 */
export function authorityFor(
  folder: string,
  name: string,
  addresses: readonly LanAddress[],
  clock: Clock,
): Authority {
  for (const entry of keptIn(folder)) {
    const kept = read(join(folder, entry))
    const ends = Date.parse(kept.issuer.certificate.validTo)
    if (ends < clock.now() + SPARE_DAYS * DAY_MS) rmSync(kept.folder, { recursive: true })
    else if (covers(kept.permitted, name, addresses)) return kept
  }
  return make(folder, name, [...new Set(addresses.map(({ network }) => network))].sort(), clock)
}

function keptIn(folder: string): string[] {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return readdirSync(folder)
      .filter((one) => /^[0-9a-f]{16}$/.test(one))
      .sort()
  } catch (cause) {
    throw cannotKeep(folder, cause)
  }
}

const cannotKeep = (folder: string, cause: unknown) =>
  new AppError('bad-input', `No authority can be kept in ${folder}: ${(cause as Error).message}.`, { cause })

function covers(permitted: readonly string[], name: string, addresses: readonly LanAddress[]): boolean {
  const networks = new BlockList()
  for (const one of permitted) {
    const [network = '', bits] = one.split('/')
    if (isIP(network) !== 0) networks.addSubnet(network, Number(bits), family(network))
  }
  return (
    permitted.includes(name) && addresses.every(({ address }) => networks.check(address, family(address)))
  )
}

const family = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6')

function make(folder: string, name: string, networks: readonly string[], clock: Clock): Authority {
  const permitted = [name, ...networks]
  const [from, until] = [clock.now() - SLACK_DAYS * DAY_MS, clock.now() + AUTHORITY_DAYS * DAY_MS]
  const title = `Kindred on ${name.replace(/\.local$/, '')}`
  const rootKey = newKey()
  const root = makeCertificate({
    name: title,
    use: { authority: permitted, below: 1 },
    from,
    until,
    key: rootKey,
  })
  const key = newKey()
  const issuer = makeCertificate({
    name: `${title} (issuer)`,
    use: { authority: permitted, below: 0 },
    from,
    until,
    key,
    by: { certificate: root, key: rootKey },
  })
  const place = join(folder, createHash('sha256').update(permitted.join()).digest('hex').slice(0, 16))
  const beside = join(folder, `new-${randomUUID()}`)
  try {
    mkdirSync(beside, { mode: 0o700 })
    writeFileSync(join(beside, ROOT), root.toString())
    writeFileSync(join(beside, ISSUER), issuer.toString())
    writeFileSync(join(beside, KEY), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    renameSync(beside, place)
  } catch (cause) {
    // Another process may just have made one for the same networks: then there is one.
    if (!existsSync(place)) throw cannotKeep(folder, cause)
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
  return read(place)
}

const ROOT = 'root.pem'
const ISSUER = 'issuer.pem'
const KEY = 'issuer.key'

function read(folder: string): Authority {
  const path = join(folder, KEY)
  const give = `or delete ${folder}, and trust a new one on each phone`
  try {
    const root = new X509Certificate(readFileSync(join(folder, ROOT)))
    const certificate = new X509Certificate(readFileSync(join(folder, ISSUER)))
    const key = createPrivateKey(readFileSync(path))
    if (!certificate.checkPrivateKey(key) || !certificate.verify(root.publicKey))
      throw new Error('the files do not belong together')
    if (othersMayRead(path))
      throw new AppError('bad-input', `${path} can be read by others: chmod 600 it, ${give}.`)
    return { root, permitted: permittedBy(certificate), folder, issuer: { certificate, key } }
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw new AppError(
      'bad-input',
      `The authority of --lan cannot be read (${why}): see to ${path}, ${give}.`,
      {
        cause,
      },
    )
  }
}

/** A certificate for a server that has `name` and `addresses`, with a key of its own. */
export function certificateFor(
  { issuer }: Authority,
  name: string,
  addresses: readonly LanAddress[],
  clock: Clock,
): Shown {
  const key = newKey()
  const end = Date.parse(issuer.certificate.validTo)
  const until = Math.min(clock.now() + SERVER_DAYS * DAY_MS, end)
  const certificate = makeCertificate({
    name,
    use: { server: [name, ...addresses.map(({ address }) => address)] },
    from: clock.now() - SLACK_DAYS * DAY_MS,
    until,
    key,
    by: issuer,
  })
  return {
    cert: `${certificate}${issuer.certificate}`,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    due: until - SPARE_DAYS * DAY_MS,
  }
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
