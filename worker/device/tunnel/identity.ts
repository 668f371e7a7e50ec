/**
 * Who this device is to the server: registered once, known by a credential that is renewed, forgotten when the user says so. All that
 * is asked in its name goes by `ask`.
 */
import {
  consentSchema,
  type Erased,
  erasedSchema,
  type Registration,
  registrationSchema,
} from '../../../shared/api.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import type { Platform, Request } from '../../platform.ts'
import { deferred } from '../../turns.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { asJson, type Line, Refusal } from './line.ts'

/**
 * A server that has lost what it knew gets this device anew, but no more often: one that refuses every credential must
 * not be given a new device at each contact.
 */
const REGISTER_AGAIN_MS = 10 * 60_000
/** With a static host nobody waits longer for a server that may not be there. */
const NAME_MS = 3000
/** A credential serves so long: one that got into other hands is worth nothing after it. */
const RENEW_MS = 30 * DAY_MS

export interface Identity {
  /** This device's name at the server, registering if it has none. */
  identify(signal?: AbortSignal): Promise<Registration>
  /** That name; where a static host has the tasks and no server was ever reached, one of its own until then. */
  name(signal?: AbortSignal): Promise<string>
  /** Gets another credential once the one at hand is old. The server takes both until the new one is shown. */
  renew(signal?: AbortSignal): Promise<void>
  /** Tells the server what the user has said about sharing, if it does not know it yet. */
  tellSharing(signal?: AbortSignal): Promise<void>
  /** Has the server erase everything of this device; null where the server knows nothing of it. */
  erase(signal?: AbortSignal): Promise<Erased | null>
  /** Has the server erase what this device was to it before it was forgotten offline. */
  payOwed(signal?: AbortSignal): Promise<void>
}

export interface IdentityDeps extends Pick<Platform, 'locks' | 'clock' | 'after' | 'signsIn'> {
  readonly db: Db
  readonly line: Line
  /** What the app around has said of who the user is. */
  readonly token?: (() => string | undefined) | undefined
  /** Whether a static host has the tasks, so that there may be no server. */
  readonly mayBeAlone: boolean
}

/** Also `ask`: `line` with this device's credential. A server that does not know it (any more) gets one new registration. */
export function createIdentity({
  db,
  line,
  locks,
  clock,
  after,
  signsIn,
  token,
  mayBeAlone,
}: IdentityDeps): Identity & { readonly ask: Line } {
  const ask: Line = async (path, request, read, signal) => {
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
        signed(asJson(sharing ? { consent: { sharing: sharing.on } } : {})),
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
    const said = token?.()
    if (said !== undefined) return authorised(request, said)
    if (!signsIn) return request
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

  return {
    ask,
    identify,

    async name(signal) {
      const asked = identify(signal).then(({ device }) => device)
      if (!mayBeAlone) return asked
      const { promise: late, resolve } = deferred<undefined>()
      const cancel = after(NAME_MS, () => resolve(undefined))
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
      const request = asJson({ sharing: said.on }, 'PUT')
      await ask('/api/me/consent', request, (answer) => answer.json(consentSchema), signal)
      await sharingTold(said.on)
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
}

const authorised = (request: Request, credential: string): Request => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${credential}` },
})

function unlessStopped(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'cancelled') throw error
}
