/** What a page may tell its workers by their name, written as a query string: `engine=tfjs-webgpu&seed=7`. */
import { ENGINE_NAMES, type EngineName } from '../shared/engine/engine.ts'

/** The engine that is forced, or undefined: a name that means nothing to us is only a name. */
export function engineIn(name: string): EngineName | undefined {
  const asked = new URLSearchParams(name).get('engine')
  return ENGINE_NAMES.find((engine) => engine === asked)
}

/** The seed that makes rounds repeatable, or undefined. */
export function seedIn(name: string): number | undefined {
  const asked = new URLSearchParams(name).get('seed') ?? ''
  return /^\d{1,9}$/.test(asked) ? Number(asked) : undefined
}

/** The folder that the server's addresses are in, with a slash at its end; `origin` is where the worker is from. */
export function serverIn(name: string, origin: string): string {
  const asked = new URLSearchParams(name).get('server') ?? ''
  const known = URL.canParse(asked) && /^https?:$/.test(new URL(asked).protocol)
  const { href } = new URL(known ? asked : origin)
  return href.endsWith('/') ? href : `${href}/`
}

/** The folder of a static host that has artifacts and tasks, with a slash at its end, or undefined where the server has them. */
export function staticIn(name: string, origin: string): string | undefined {
  const asked = new URLSearchParams(name).get('static')
  if (asked === null || !URL.canParse(asked, origin)) return undefined
  const { href, protocol } = new URL(asked, origin)
  if (!/^https?:$/.test(protocol)) return undefined
  return href.endsWith('/') ? href : `${href}/`
}

/** Whose data these are, of several users of this browser, or undefined where the app around knows only one. */
export const accountIn = (name: string): string | undefined =>
  new URLSearchParams(name).get('account') || undefined

/** Whether a new device has to show who its user is. */
export const signsIn = (name: string): boolean => new URLSearchParams(name).has('signs-in')

/** SHA-256 of the first root of trust of the server, or undefined where it is not known beforehand. */
export function rootIn(name: string): string | undefined {
  const asked = new URLSearchParams(name).get('root') ?? ''
  return /^[0-9a-f]{64}$/.test(asked) ? asked : undefined
}
