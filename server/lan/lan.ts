/** The app in the local networks of this machine: by HTTPS, with a guide beside it that tells devices to believe it. */
import { type Clock, systemClock } from '../../shared/clock.ts'
import { type Listening, listen } from '../http/listen.ts'
import type { LanAddress } from './addresses.ts'
import { type Authority, authorityFor, certificateFor, type Shown } from './authority.ts'
import { createGuide } from './guide.ts'

/** How often it is looked whether the machine has other addresses, and whether the certificate comes to its end. */
const LOOK_MS = 15_000

type App = Parameters<typeof listen>[0]

export interface LanOptions {
  readonly app: App
  /** Where it is to be reached; throws where there is no such place. */
  readonly addresses: () => readonly LanAddress[]
  /** What other machines may call this one, as `studio.local`. */
  readonly name: string
  /** Where authorities are kept. */
  readonly folder: string
  /** Of the app, by HTTPS; 0 takes any free one, as for the guide. */
  readonly port: number
  readonly guidePort: number
  readonly clock?: Clock
  /** Told what is served, at first and when it has changed. */
  readonly onServed: (served: Served) => void
  /** Told once when what has changed cannot be followed; it is tried again. */
  readonly onTrouble: (error: unknown) => void
}

export interface Served {
  readonly authority: Authority
  readonly places: readonly Place[]
}

export interface Place {
  readonly address: string
  /** URLs. */
  readonly app: string
  readonly guide: string
}

export interface Lan {
  /** Follows the machine's addresses and the calendar, as it does by itself every few seconds. */
  look(): Promise<void>
  close(): Promise<void>
}

/** Throws `bad-input` where there is no local network, a port is taken, or the authority's key is of no use. */
export async function openLan(options: LanOptions): Promise<Lan> {
  const { app, addresses, name, folder, port, guidePort, onServed, onTrouble, clock = systemClock } = options
  const open = new Map<string, { app: Listening; guide: Listening }>()
  let authority: Authority
  let shown: Shown | undefined

  async function start(address: string): Promise<void> {
    const secure = await listen(unpinned(app), {
      port,
      host: address,
      tls: () => shown!,
      setting: '--lan-port',
    })
    try {
      const page = createGuide({ authority: () => authority, name, app: secure.url })
      const guide = await listen(page, { port: guidePort, host: address, setting: '--port' })
      open.set(address, { app: secure, guide })
    } catch (error) {
      await secure.close()
      throw error
    }
  }

  async function stop(address: string): Promise<void> {
    const pair = open.get(address)
    open.delete(address)
    await Promise.all([pair?.app.close(), pair?.guide.close()])
  }

  async function follow(): Promise<void> {
    const found = addresses()
    const wanted = new Set(found.map(({ address }) => address))
    const gone = [...open.keys()].filter((address) => !wanted.has(address))
    const come = [...wanted].filter((address) => !open.has(address))
    const moved = gone.length > 0 || come.length > 0
    if (!moved && shown && clock.now() < shown.due) return
    authority = authorityFor(folder, name, found, clock)
    shown = certificateFor(authority, name, found, clock)
    for (const pair of open.values()) pair.app.reload()
    await Promise.all(gone.map(stop))
    for (const address of come) await start(address)
    if (moved) onServed({ authority, places: [...open].map(placeOf) })
  }

  let last = Promise.resolve()
  /** One after the other. */
  const look = () => {
    const next = last.then(follow)
    last = next.catch(() => {})
    return next
  }
  const closeAll = async () => {
    await Promise.all([...open.keys()].map(stop))
  }
  try {
    await look()
  } catch (error) {
    await closeAll()
    throw error
  }
  let trouble = ''
  const timer = setInterval(async () => {
    const error = await look().then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (error !== undefined && `${error}` !== trouble) onTrouble(error)
    trouble = `${error ?? ''}`
  }, LOOK_MS)
  timer.unref()
  return {
    look,
    async close() {
      clearInterval(timer)
      await last
      await closeAll()
    },
  }
}

const placeOf = ([address, { app, guide }]: [string, { app: Listening; guide: Listening }]): Place => ({
  address,
  app: app.url,
  guide: guide.url,
})

/**
 * The app as it is, but that browsers need not remember to ask this machine by HTTPS only: that would hold for all ports of
 * `studio.local`, and the guide would be out of reach.
 */
const unpinned = ({ fetch }: App): App => ({
  async fetch(request, env) {
    const response = await fetch(request, env)
    response.headers.delete('strict-transport-security')
    return response
  },
})
