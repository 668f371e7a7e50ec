/**
 * The way to the server and back, in one: who this device is to it (`identity.ts`), what goes up (`up.ts`), what comes down (`down.ts`).
 * What goes wrong on the way (`line.ts`) changes nothing that is stored.
 */
import type { Platform } from '../../platform.ts'
import type { Db } from '../storage/tables.ts'
import { createDown, type Down } from './down.ts'
import { createFiles } from './files.ts'
import { createIdentity, type Identity } from './identity.ts'
import { createLine } from './line.ts'
import { createUp, type Up } from './up.ts'

export interface Tunnel extends Identity, Up, Down {}

export interface TunnelDeps
  extends Pick<Platform, 'fetch' | 'clock' | 'after' | 'seed' | 'locks' | 'signsIn' | 'files'> {
  readonly db: Db
  /** What the app around has said of who the user is. */
  readonly token?: () => string | undefined
}

export function createTunnel(deps: TunnelDeps): Tunnel {
  const line = createLine(deps)
  /** What a server that wants to be left alone says is nothing to a static host. */
  const near = deps.files ? createLine({ ...deps, fetch: deps.files, patient: false }) : line
  const { ask, ...identity } = createIdentity({ ...deps, line, mayBeAlone: deps.files !== undefined })
  const up = createUp({ ...deps, ask })
  const down = createDown({ ...deps, line, ask, near })
  return { ...identity, ...up, ...down, ...(deps.files && createFiles(near, down.artifact)) }
}
