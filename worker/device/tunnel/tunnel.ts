/**
 * The way to the server and back. Up: events leave the outbox aggregated and compressed, and are deleted only after the
 * server has acknowledged them; their ids make a repeated upload harmless. Down: the task, its artifacts by hash, and
 * batches of matched samples. What goes wrong on the way (`line.ts`) changes nothing that is stored.
 */
import { zlibSync } from 'fflate'
import {
  type ActiveAnswer,
  type ActiveRequest,
  acceptedSchema,
  activeSchema,
  type BatchList,
  batchListSchema,
  consentSchema,
  type Erased,
  erasedSchema,
  type Registration,
  type RowsRequest,
  registrationSchema,
  reportedSchema,
} from '../../../shared/api.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { decodeBatch } from '../../../shared/codec.ts'
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash, reprDigest } from '../../../shared/hash.ts'
import type { MatchedSample } from '../../../shared/sample.ts'
import type { FeatureSchema } from '../../../shared/schema.ts'
import { type Manifest, manifestSchema } from '../../../shared/task.ts'
import type { Platform, Request } from '../../platform.ts'
import { deferred } from '../../turns.ts'
import { count, type Db, getState, putState } from '../storage/db.ts'
import { createFiles } from './files.ts'
import { type Answer, createLine, Refusal, readAs } from './line.ts'
import { sendReports } from './reports.ts'
import { empty, type Outbox, UPLOADS } from './upload.ts'

/** A batch beyond this is refused: it holds ≤ 40 samples. */
const MAX_BATCH = 256 << 10
/** Largest artifact that a manifest may ask for: 50 M weights. */
const MAX_ARTIFACT = 200 << 20
/**
 * A server that has lost what it knew gets this device anew, but no more often: one that refuses every credential must
 * not be given a new device at each contact.
 */
const REGISTER_AGAIN_MS = 10 * 60_000
/** With a static host nobody waits longer for a server that may not be there. */
const NAME_MS = 3000
/** A credential serves so long: one that got into other hands is worth nothing after it. */
const RENEW_MS = 30 * DAY_MS

type TaskAnswer =
  | { readonly state: 'unchanged' }
  | { readonly state: 'none' }
  | {
      readonly state: 'new'
      readonly manifest: Manifest
      readonly etag: string | null
      /** Of the manifest as it came. */
      readonly sha256: string
    }

/** What is active for this device, as it came. */
export interface ActiveCome {
  readonly answer: ActiveAnswer
  readonly etag: string | null
  /** What time it is at the server, ms; undefined where it does not say. */
  readonly at: number | undefined
}

export interface Tunnel {
  /** This device's name at the server, registering if it has none. */
  identify(signal?: AbortSignal): Promise<Registration>
  /** That name; where a static host has the tasks and no server was ever reached, one of its own until then. */
  name(signal?: AbortSignal): Promise<string>
  /** Gets another credential once the one at hand is old. The server takes both until the new one is shown. */
  renew(signal?: AbortSignal): Promise<void>
  /** Tells the server what the user has said about sharing, if it does not know it yet. */
  tellSharing(signal?: AbortSignal): Promise<void>
  /** Sends everything that waits in the outbox. What was not acknowledged when it throws is still there. */
  flush(signal?: AbortSignal): Promise<void>
  task(etag: string | null, signal?: AbortSignal): Promise<TaskAnswer>
  /** What is active for this device, or null where it is what it was when the ETag came. */
  active(said: ActiveRequest, etag: string | null, signal?: AbortSignal): Promise<ActiveCome | null>
  /** Tells how tasks ran, as far as it was not told; what was not acknowledged when it throws is still there. */
  reports(signal?: AbortSignal): Promise<void>
  /** Throws `bad-artifact` unless the bytes are those that were promised. */
  artifact(promised: Manifest['model'], signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>
  batches(signal?: AbortSignal): Promise<BatchList>
  /** Batch `n` of `day`, and the bytes that it took. */
  batch(
    schema: FeatureSchema,
    day: number,
    n: number,
    signal?: AbortSignal,
  ): Promise<{ samples: MatchedSample[]; bytes: number }>
  /**
   * Rows of `dim` numbers of a table, one after the other; null where the server has that table no more. Throws
   * `bad-artifact` unless they are finite, and as many and the very ones that the server sent.
   */
  rows(request: RowsRequest, dim: number, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer> | null>
  /** Has the server erase everything of this device; null where the server knows nothing of it. */
  erase(signal?: AbortSignal): Promise<Erased | null>
  /** Has the server erase what this device was to it before it was forgotten offline. */
  payOwed(signal?: AbortSignal): Promise<void>
}

export function createTunnel(
  deps: { db: Db; token?: () => string | undefined } & Parameters<typeof createLine>[0] &
    Pick<Platform, 'locks' | 'signsIn' | 'files'>,
): Tunnel {
  const { db, locks, clock } = deps
  const line = createLine(deps)
  /** What a server that wants to be left alone says is nothing to a static host. */
  const near = deps.files ? createLine({ ...deps, fetch: deps.files, patient: false }) : line

  /** `line` with this device's credential. A server that does not know it (any more) gets one new registration. */
  async function ask<T>(
    path: string,
    request: Request,
    read: Parameters<typeof line<T>>[2],
    signal?: AbortSignal,
  ): Promise<T> {
    const identity = await identify(signal)
    try {
      return await line(path, authorised(request, identity.credential), read, signal)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'unauthorised')) throw error
      const { credential } = await identify(signal, identity)
      return line(path, authorised(request, credential), read, signal)
    }
  }

  /** The stored identity, or a new one; `refused` is one that the server no longer accepts. */
  async function identify(signal?: AbortSignal, refused?: Registration): Promise<Registration> {
    const stored = await getState(db, 'identity')
    if (stored && stored.credential !== refused?.credential) return stored
    // Another tab may be registering this very moment.
    return locks.request('kindred:identity', signal ? { signal } : {}, async () => {
      const present = await getState(db, 'identity')
      if (present && present.credential !== refused?.credential) return present
      if (refused) await notTooOften()
      const sharing = await getState(db, 'sharing')
      const identity = await line(
        '/api/devices',
        signed(json(sharing ? { consent: { sharing: sharing.on } } : {})),
        (answer) => answer.json(registrationSchema),
        signal,
      )
      await db.transaction('rw', db.state, async () => {
        await putState(db, 'identity', identity)
        await putState(db, 'renewed', clock.now())
        if (sharing) await sharingTold(sharing.on)
        if (refused) await putState(db, 'registeredAgain', clock.now())
        // The day's batches belonged to the one that the server has forgotten.
        await db.state.delete('pulled')
      })
      return identity
    })
  }

  /** Another one after everything was forgotten, as a registration would be. */
  async function provisional(): Promise<string> {
    return db.transaction('rw', db.state, async () => {
      const present = await getState(db, 'provisional')
      if (present !== undefined) return present
      const drawn = `own-${crypto.randomUUID()}`
      await putState(db, 'provisional', drawn)
      return drawn
    })
  }

  /** With what the app around has said of who the user is. */
  function signed(request: Request): Request {
    const token = deps.token?.()
    if (token !== undefined) return authorised(request, token)
    if (!deps.signsIn) return request
    throw new AppError('unauthorised', 'A new device must show a token of its user, and there is none yet.')
  }

  /** Unless the user has changed their mind meanwhile. */
  async function sharingTold(on: boolean): Promise<void> {
    await db.transaction('rw', db.state, async () => {
      if ((await getState(db, 'sharing'))?.on === on) await putState(db, 'sharing', { on, told: true })
    })
  }

  async function notTooOften(): Promise<void> {
    const last = await getState(db, 'registeredAgain')
    if (last !== undefined && Math.abs(clock.now() - last) < REGISTER_AGAIN_MS)
      throw new AppError(
        'unauthorised',
        'The server does not know this device, though it was registered anew.',
      )
  }

  /** As it was where the server refuses: what else is asked of it will show why. */
  async function renewedAt(identity: Registration, signal?: AbortSignal): Promise<Registration> {
    const request = authorised({ method: 'POST' }, identity.credential)
    try {
      return await line('/api/me/credential', request, (answer) => answer.json(registrationSchema), signal)
    } catch (error) {
      if (error instanceof Refusal && [401, 404].includes(error.status)) return identity
      throw error
    }
  }

  async function eraseAt(identity: Registration, signal?: AbortSignal): Promise<Erased | null> {
    const request = authorised({ method: 'DELETE' }, identity.credential)
    try {
      return await line('/api/me', request, (answer) => answer.json(erasedSchema), signal)
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthorised') return null
      throw error
    }
  }

  const outbox: Outbox = {
    async newest() {
      const [last] = await db.outbox.orderBy('id').reverse().limit(1).primaryKeys()
      return last
    },
    oldest: (last, limit) => db.outbox.where('id').belowOrEqual(last).limit(limit).toArray(),
    async delivered(ids) {
      await db.transaction('rw', db.outbox, db.state, async () => {
        // Another tab may have sent the same ones.
        await count(db, {
          delivered: await db.outbox
            .where('id')
            .anyOf([...ids])
            .delete(),
        })
      })
    },
  }

  const tunnel: Tunnel = {
    identify,

    async name(signal) {
      const asked = identify(signal).then(({ device }) => device)
      if (!deps.files) return asked
      const { promise: late, resolve } = deferred<undefined>()
      const cancel = deps.after(NAME_MS, () => resolve(undefined))
      const name = await Promise.race([asked.catch(unlessStopped), late]).finally(cancel)
      return name ?? provisional()
    },

    async renew(signal) {
      const last = await getState(db, 'renewed')
      if (last !== undefined && Math.abs(clock.now() - last) < RENEW_MS) return
      await locks.request('kindred:identity', signal ? { signal } : {}, async () => {
        const present = await getState(db, 'identity')
        if (!present || (await getState(db, 'renewed')) !== last) return
        const renewed = last === undefined ? present : await renewedAt(present, signal)
        await db.transaction('rw', db.state, async () => {
          // The device may have been forgotten meanwhile.
          if ((await getState(db, 'identity'))?.credential !== present.credential) return
          await putState(db, 'identity', renewed)
          await putState(db, 'renewed', clock.now())
        })
      })
    },

    async tellSharing(signal) {
      const said = await getState(db, 'sharing')
      if (!said || said.told) return
      const request = json({ sharing: said.on }, 'PUT')
      await ask('/api/me/consent', request, (answer) => answer.json(consentSchema), signal)
      await sharingTold(said.on)
    },

    async flush(signal) {
      await empty(outbox, zlibSync, (upload) =>
        ask(UPLOADS, upload, (answer) => answer.json(acceptedSchema), signal),
      )
    },

    async task(etag, signal) {
      const headers: Record<string, string> = etag === null ? {} : { 'if-none-match': etag }
      // Who is not registered yet need not wait for that.
      const asking = (await getState(db, 'identity')) ? ask : line
      try {
        return await asking(
          '/api/task',
          { headers, cache: 'no-store' },
          async (answer): Promise<TaskAnswer> => {
            if (answer.status === 304) return { state: 'unchanged' }
            const bytes = await answer.jsonBytes()
            const manifest = readAs(manifestSchema, bytes)
            return { state: 'new', manifest, etag: answer.header('etag'), sha256: await hash(bytes) }
          },
          signal,
        )
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return { state: 'none' }
        throw error
      }
    },

    active(said, etag, signal) {
      const request = json(said)
      const headers = { ...request.headers, ...(etag !== null && { 'if-none-match': etag }) }
      const read = async (answer: Answer): Promise<ActiveCome | null> => {
        if (answer.status === 304) return null
        const at = Date.parse(answer.header('date') ?? '')
        return {
          answer: await answer.json(activeSchema),
          etag: answer.header('etag'),
          at: Number.isNaN(at) ? undefined : at,
        }
      }
      return ask('/api/active', { ...request, headers, cache: 'no-store' }, read, signal)
    },

    reports: (signal) =>
      sendReports(deps, (upload) =>
        ask('/api/reports', compressed(upload), (answer) => answer.json(reportedSchema), signal),
      ),

    async artifact({ sha256, bytes: length }, signal) {
      if (length > MAX_ARTIFACT)
        throw new AppError('bad-artifact', `An artifact of ${length} bytes is too large.`)
      const get = async (cache: 'default' | 'reload') => {
        // One byte more than promised is room enough to see that there is too much.
        const read = near(`/artifacts/${sha256}`, { cache }, (answer) => answer.bytes(length + 1), signal)
        const bytes = await read.catch(unlessTooLong)
        return bytes?.length === length && (await hash(bytes)) === sha256 ? bytes : undefined
      }
      // What is immutable is cached for ever, and so would be a damaged copy: the second try goes round the cache.
      const bytes = (await get('default')) ?? (await get('reload'))
      if (!bytes) throw new AppError('bad-artifact', `Artifact ${sha256} is not what its name promises.`)
      return bytes
    },

    batches: (signal) =>
      ask('/api/batches', { cache: 'no-store' }, (answer) => answer.json(batchListSchema), signal),

    async batch(schema, day, n, signal) {
      const bytes = await ask(`/api/batches/${day}/${n}`, {}, (answer) => answer.bytes(MAX_BATCH), signal)
      return { samples: decodeBatch(schema, bytes), bytes: bytes.length }
    },

    async rows(request, dim, signal) {
      const length = request.ids.length * dim * Float32Array.BYTES_PER_ELEMENT
      const read = async (answer: Answer) => {
        const bytes = await answer.bytes(length)
        const digests = answer.header('repr-digest')?.split(/, */) ?? []
        const values = bytes.length === length ? new Float32Array(bytes.buffer) : undefined
        if (!values?.every(Number.isFinite) || !digests.includes(await reprDigest(bytes)))
          throw new AppError('bad-artifact', 'The embedding rows that came are not those that were sent.')
        return values
      }
      try {
        return await ask('/api/rows', json(request), read, signal)
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return null
        throw error
      }
    },

    async erase(signal) {
      const identity = await getState(db, 'identity')
      return identity ? eraseAt(identity, signal) : null
    },

    async payOwed(signal) {
      for (let owed = await getState(db, 'owed'); owed?.[0]; owed = await getState(db, 'owed')) {
        const [first] = owed
        await eraseAt(first, signal)
        await db.transaction('rw', db.state, async () => {
          const left = (await getState(db, 'owed'))?.filter(({ device }) => device !== first.device) ?? []
          await (left.length > 0 ? putState(db, 'owed', left) : db.state.delete('owed'))
        })
      }
    },
  }
  return deps.files ? { ...tunnel, ...createFiles(near, tunnel.artifact) } : tunnel
}

const json = (value: unknown, method: 'POST' | 'PUT' = 'POST'): Request => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

const compressed = (value: unknown): Request => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'content-encoding': 'deflate' },
  body: zlibSync(new TextEncoder().encode(JSON.stringify(value))) as Uint8Array<ArrayBuffer>,
})

const authorised = (request: Request, credential: string): Request => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${credential}` },
})

function unlessStopped(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'cancelled') throw error
}

function unlessTooLong(error: unknown): undefined {
  if (!(error instanceof AppError && error.code === 'bad-artifact')) throw error
}
