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
